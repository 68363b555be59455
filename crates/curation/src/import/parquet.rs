//! Apache Parquet, projected to the wanted columns and read batch by batch.
//!
//! Labels stored as numbers are turned into names where the file says how, as the data sets of
//! the Hugging Face hub do.

use std::collections::HashMap;
use std::fs::File;

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Fields, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::format::{Cell, Content, Format, Opening, RowReader, Step};
use crate::error::CurationError;
use crate::guard::guarded;

mod cell;

pub const FORMAT: Format = Format {
    name: "parquet",
    extensions: &["parquet", "pq"],
    content: Content::Binary,
    sniff: |head| head.starts_with(b"PAR1"),
    open,
};

const BATCH_ROWS: usize = 1024;

fn open(opening: &Opening<'_>) -> Result<Box<dyn RowReader>, CurationError> {
    let mut reader = ParquetReader {
        file: File::open(&opening.source.path)
            .map_err(CurationError::read(&opening.source.path))?,
        name: opening.name.to_owned(),
        bytes: opening.probe.bytes,
        columns: Vec::new(),
        selected: Vec::new(),
        class_names: HashMap::new(),
        batches: None,
        batch: None,
        at: 0,
        row: 0,
        rows: 0,
    };
    let builder = reader.builder()?;
    reader.rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    let schema = builder.schema();
    leaves(schema.fields(), "", &mut reader.columns);
    if reader.columns.len() > opening.limits.columns_max as usize {
        return Err(reader.unreadable("it has too many columns"));
    }
    reader.class_names = class_names(schema);
    Ok(Box::new(reader))
}

#[derive(Debug)]
struct ParquetReader {
    file: File,
    name: String,
    bytes: u64,
    columns: Vec<String>,
    selected: Vec<String>,
    /// Names of numbered labels, by column.
    class_names: HashMap<String, Vec<String>>,
    batches: Option<ParquetRecordBatchReader>,
    batch: Option<RecordBatch>,
    at: usize,
    row: u64,
    rows: u64,
}

impl ParquetReader {
    fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, CurationError> {
        let file = self
            .file
            .try_clone()
            .map_err(|source| CurationError::Read { path: self.name.clone().into(), source })?;
        self.guard(|| ParquetRecordBatchReaderBuilder::try_new(file))
    }

    fn guard<T, E: std::fmt::Display>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CurationError> {
        guarded(work).map_err(|reason| self.unreadable(&reason))
    }

    fn unreadable(&self, reason: &str) -> CurationError {
        CurationError::Unreadable { file: self.name.clone(), reason: reason.to_owned() }
    }

    fn next_batch(&mut self) -> Result<bool, CurationError> {
        let mut batches = self.batches.take().expect("columns are selected before rows are read");
        let next = self.guard(|| batches.next().transpose())?;
        (self.batches, self.batch, self.at) = (Some(batches), next, 0);
        Ok(self.batch.is_some())
    }
}

impl RowReader for ParquetReader {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn select(&mut self, columns: &[usize]) -> Result<(), CurationError> {
        self.selected = columns.iter().map(|it| self.columns[*it].clone()).collect();
        let builder = self.builder()?;
        let mask = ProjectionMask::columns(
            builder.parquet_schema(),
            self.selected.iter().map(String::as_str),
        );
        let batches =
            self.guard(|| builder.with_projection(mask).with_batch_size(BATCH_ROWS).build())?;
        self.batches = Some(batches);
        Ok(())
    }

    fn next(&mut self, cells: &mut Vec<Cell>) -> Result<Step, CurationError> {
        cells.clear();
        while self.batch.as_ref().is_none_or(|it| self.at >= it.num_rows()) {
            if !self.next_batch()? {
                return Ok(Step::End);
            }
        }
        let batch = self.batch.as_ref().expect("the loop ended with a batch");
        for path in &self.selected {
            let cell = match batch.schema_ref().column_with_name(path) {
                Some((position, _)) => cell::at(batch.column(position), self.at),
                None => nested(batch, path, self.at),
            };
            cells.push(match self.class_names.get(path) {
                Some(names) => named(cell, names),
                None => cell,
            });
        }
        self.at += 1;
        self.row += 1;
        Ok(Step::Row { line: self.row })
    }

    fn position(&self) -> u64 {
        // Rows are what is known; bytes are what is asked.
        let share = self.row as f64 / self.rows.max(1) as f64;
        (share * self.bytes as f64) as u64
    }
}

/// Leaf paths of a schema; lists and other nested types count as leaves.
fn leaves(fields: &Fields, prefix: &str, names: &mut Vec<String>) {
    for field in fields {
        let name = format!("{prefix}{}", field.name());
        match field.data_type() {
            DataType::Struct(inner) => leaves(inner, &format!("{name}."), names),
            _ => names.push(name),
        }
    }
}

fn nested(batch: &RecordBatch, path: &str, row: usize) -> Cell {
    let mut outer: Option<&StructArray> = None;
    let mut rest = path;
    loop {
        let child = |name: &str| match outer {
            None => batch.column_by_name(name),
            Some(it) => it.column_by_name(name),
        };
        if let Some(column) = child(rest) {
            return cell::at(column, row);
        }
        let step = rest.match_indices('.').find_map(|(dot, _)| {
            let inner = child(&rest[..dot])?.as_any().downcast_ref::<StructArray>()?;
            Some((inner, &rest[dot + 1..]))
        });
        match step {
            Some((inner, _)) if inner.is_null(row) => return Cell::Missing,
            Some((inner, after)) => (outer, rest) = (Some(inner), after),
            None => return Cell::Missing,
        }
    }
}

/// Hugging Face writes `{"info": {"features": {"label": {"names": [...]}}}}` beside the schema.
fn class_names(schema: &Schema) -> HashMap<String, Vec<String>> {
    let mut found = HashMap::new();
    let parsed = schema.metadata().get("huggingface").map(|it| serde_json::from_str(it));
    let Some(Ok(serde_json::Value::Object(root))) = parsed else { return found };
    let features = root.get("info").and_then(|it| it.get("features")).and_then(|it| it.as_object());
    for (column, feature) in features.into_iter().flatten() {
        let feature = if feature.get("feature").is_some() { &feature["feature"] } else { feature };
        if let Some(names) = feature.get("names").and_then(|it| it.as_array()) {
            let names = names.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
            found.insert(column.clone(), names);
        }
    }
    found
}

/// A number as the name that stands at its place; anything else as it is.
fn named(cell: Cell, names: &[String]) -> Cell {
    let name = |text: String| {
        text.parse::<usize>().ok().and_then(|it| names.get(it).cloned()).unwrap_or(text)
    };
    match cell {
        Cell::Text(text) => Cell::Text(name(text)),
        Cell::List(items) => Cell::List(items.into_iter().map(name).collect()),
        other => other,
    }
}
