//! An answer as plain rows, so that whoever prints it needs no Arrow.

use datafusion::arrow::array::{
    Array, AsArray as _, ListArray, RecordBatch, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use freehold_vocabulary::Timestamp;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::error::TracesError;

/// Rows of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rows {
    pub columns: Vec<String>,
    /// One value per column: numbers, texts, lists and objects as in JSON; instants as RFC 3339,
    /// days as `YYYY-MM-DD`; what is not a number or has no value is null.
    pub rows: Vec<Vec<Value>>,
    /// There were more rows than the limit.
    pub truncated: bool,
}

impl Rows {
    pub(super) fn new(columns: Vec<String>) -> Self {
        Self { columns, rows: vec![], truncated: false }
    }

    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<(), TracesError> {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| value(column.as_ref(), row));
            self.rows.push(values.collect::<Result<_, _>>().map_err(broken)?);
        }
        Ok(())
    }

    pub(super) fn cut(&mut self, rows_max: usize) {
        self.truncated = self.rows.len() > rows_max;
        self.rows.truncate(rows_max);
    }
}

fn broken(error: ArrowError) -> TracesError {
    TracesError::from(DataFusionError::from(error))
}

fn value(array: &dyn Array, row: usize) -> Result<Value, ArrowError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => instant(array, row),
        DataType::List(_) => list(array.as_list::<i32>(), row)?,
        DataType::Struct(_) => object(array.as_struct(), row)?,
        // Texts of every kind, days, and whatever a query can make: as text.
        _ => {
            let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())?;
            Value::String(formatter.value(row).try_to_string()?)
        }
    })
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn instant(array: &dyn Array, row: usize) -> Value {
    let micros = array.as_any().downcast_ref::<TimestampMicrosecondArray>();
    let micros = micros.expect("the type was matched").value(row);
    Value::String(Timestamp::from_micros(micros).to_string())
}

fn list(lists: &ListArray, row: usize) -> Result<Value, ArrowError> {
    let items = lists.value(row);
    let values = (0..items.len()).map(|item| value(items.as_ref(), item));
    Ok(Value::Array(values.collect::<Result<_, _>>()?))
}

fn object(structs: &StructArray, row: usize) -> Result<Value, ArrowError> {
    let mut object = Map::new();
    for (name, column) in structs.column_names().iter().zip(structs.columns()) {
        object.insert((*name).to_owned(), value(column.as_ref(), row)?);
    }
    Ok(Value::Object(object))
}
