//! Parquet files of one partition: written once, read, joined.
//!
//! Zstandard, and statistics for every row group, so that readers skip what they do not need. A
//! file is on the disk when its function returns. Never gives a file its final name: a commit does.

use std::fs::{self, File};
use std::path::Path;

use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::array::{Scalar, StringArray};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter,
};
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{KeyValue, RowGroupMetaData};
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::statistics::Statistics;
use freehold_vocabulary::{TaskName, Trace, TraceId};

use crate::disk;
use crate::error::TracesError;
use crate::schema;

/// Rows between which a reader can skip.
const ROW_GROUP_ROWS: usize = 32_768;

/// Whether the texts of traces are in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Kept,
    Removed,
}

/// The key of the file's metadata that says so, and what it says.
const CONTENT: (&str, &str) = ("freehold.content", "removed");

/// Writes batches with the columns of `schema::FILE`; removes the file again on failure.
pub fn write(
    path: &Path,
    content: Content,
    batches: impl Iterator<Item = Result<RecordBatch, TracesError>>,
) -> Result<(), TracesError> {
    let written = write_all(path, content, batches);
    if written.is_err() {
        // What remains has an unfinished name, is not read, and goes at the next start.
        let _ = fs::remove_file(path);
    }
    written
}

fn write_all(
    path: &Path,
    content: Content,
    batches: impl Iterator<Item = Result<RecordBatch, TracesError>>,
) -> Result<(), TracesError> {
    if let Some(folder) = path.parent() {
        disk::create_folder(folder)?;
    }
    let file = File::create(path).map_err(TracesError::io("create", path))?;
    let said = KeyValue::new(CONTENT.0.to_owned(), CONTENT.1.to_owned());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata((content == Content::Removed).then(|| vec![said]))
        .build();
    let writer = ArrowWriter::try_new(file, schema::FILE.clone(), Some(properties));
    let mut writer = writer.map_err(TracesError::parquet(path))?;
    for batch in batches {
        writer.write(&batch?).map_err(TracesError::parquet(path))?;
    }
    let file = writer.into_inner().map_err(TracesError::parquet(path))?;
    file.sync_all().map_err(TracesError::io("sync", path))
}

/// Whether the file has exactly the columns that this version writes.
pub fn is_current(path: &Path) -> Result<bool, TracesError> {
    Ok(open(path)?.schema().fields() == schema::FILE.fields())
}

/// Whether the file has lost its texts.
pub fn content(path: &Path) -> Result<Content, TracesError> {
    let reader = open(path)?;
    let said = reader.metadata().file_metadata().key_value_metadata();
    let is_removed = |it: &KeyValue| it.key == CONTENT.0 && it.value.as_deref() == Some(CONTENT.1);
    let removed = said.is_some_and(|all| all.iter().any(is_removed));
    Ok(if removed { Content::Removed } else { Content::Kept })
}

/// How many traces are in the file.
pub fn rows(path: &Path) -> Result<u64, TracesError> {
    let rows = open(path)?.metadata().file_metadata().num_rows();
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// The batches of a file.
pub fn batches(
    path: &Path,
) -> Result<impl Iterator<Item = Result<RecordBatch, TracesError>> + use<>, TracesError> {
    let reader = open(path)?.with_batch_size(schema::BATCH_ROWS).build();
    let reader = reader.map_err(TracesError::parquet(path))?;
    let path = path.to_owned();
    Ok(reader.map(move |batch| {
        batch.map_err(|error| TracesError::parquet(&path)(ParquetError::from(error)))
    }))
}

/// Every trace of a file.
pub fn traces(path: &Path, task: &TaskName) -> Result<Vec<Trace>, TracesError> {
    let mut traces = vec![];
    for batch in batches(path)? {
        append_traces(path, &batch?, task, &mut traces)?;
    }
    Ok(traces)
}

/// The trace of that name, if it is in the file. Reads only the row groups in which it can be, and
/// of those first the ids.
pub fn find(path: &Path, id: &TraceId, task: &TaskName) -> Result<Option<Trace>, TracesError> {
    let builder = open(path)?;
    let column = builder.parquet_schema().columns().iter().position(|it| it.name() == "id");
    let Some(column) = column else {
        let reason = "column `id` is missing".to_owned();
        return Err(TracesError::Unreadable { path: path.to_owned(), reason });
    };
    let groups = builder.metadata().row_groups().iter().enumerate();
    let groups: Vec<usize> = groups
        .filter(|(_, group)| may_hold(group, column, id.as_str()))
        .map(|(position, _)| position)
        .collect();
    if groups.is_empty() {
        return Ok(None);
    }
    let mask = ProjectionMask::leaves(builder.parquet_schema(), [column]);
    let wanted = Scalar::new(StringArray::from(vec![id.as_str()]));
    let equal = ArrowPredicateFn::new(mask, move |batch| -> Result<BooleanArray, _> {
        cmp::eq(batch.column(0), &wanted)
    });
    let reader = builder
        .with_row_groups(groups)
        .with_row_filter(RowFilter::new(vec![Box::new(equal)]))
        .build()
        .map_err(TracesError::parquet(path))?;
    let mut traces = vec![];
    for batch in reader {
        let batch = batch.map_err(|error| TracesError::parquet(path)(ParquetError::from(error)))?;
        append_traces(path, &batch, task, &mut traces)?;
    }
    Ok(traces.pop())
}

fn may_hold(group: &RowGroupMetaData, column: usize, id: &str) -> bool {
    let Some(Statistics::ByteArray(statistics)) = group.column(column).statistics() else {
        return true;
    };
    let (least, most) = (statistics.min_opt(), statistics.max_opt());
    least.is_none_or(|it| it.data() <= id.as_bytes())
        && most.is_none_or(|it| it.data() >= id.as_bytes())
}

fn append_traces(
    path: &Path,
    batch: &RecordBatch,
    task: &TaskName,
    traces: &mut Vec<Trace>,
) -> Result<(), TracesError> {
    for row in 0..batch.num_rows() {
        let trace = schema::trace_at(batch, row, task);
        traces.push(
            trace.map_err(|reason| TracesError::Unreadable { path: path.to_owned(), reason })?,
        );
    }
    Ok(())
}

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, TracesError> {
    let file = File::open(path).map_err(TracesError::io("open", path))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(TracesError::parquet(path))
}
