//! The column `route`: JSON, null where nothing was decided beyond a task's own tiers.
//!
//! JSON and not a struct, since what is decided grows with every release; DuckDB, Polars and Spark
//! read single fields of it with their JSON functions.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, LargeStringArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use freehold_vocabulary::{RouteRecord, Trace};

use super::decode::{Reason, column};

pub fn field() -> FieldRef {
    Arc::new(Field::new("route", DataType::LargeUtf8, true))
}

/// The column of these traces.
pub fn of(traces: &[Trace]) -> ArrayRef {
    let json = |it: &RouteRecord| serde_json::to_string(it).expect("a route record serialises");
    let texts = traces.iter().map(|it| it.route.as_deref().map(json));
    Arc::new(texts.collect::<LargeStringArray>())
}

/// The record in a row; none where the column is null, or missing in a file of an older version.
pub fn at(batch: &RecordBatch, row: usize) -> Result<Option<RouteRecord>, Reason> {
    let Some(array) = batch.column_by_name("route") else { return Ok(None) };
    let texts: &LargeStringArray = column(Some(array), "route")?;
    if texts.is_null(row) {
        return Ok(None);
    }
    let read = serde_json::from_str(texts.value(row));
    read.map(Some).map_err(|error| format!("`route` is not a route record: {error}"))
}
