//! Apache Parquet: columns of text are rewritten, the schema stays.
//!
//! Text inside lists, structures or dictionaries is not reached; a file that holds some is
//! refused unless the columns to look into are named, so that nothing passes unseen by default.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, LargeStringArray, RecordBatch, StringArray, StringViewArray};
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::{FileReport, Job, Output, Rewrite};
use crate::error::CurationError;
use crate::guard::guarded;

const BATCH_ROWS: usize = 1024;

pub(super) fn run(
    job: &Job<'_>,
    rewriter: &mut dyn Rewrite,
    out: Output<'_>,
    report: &mut FileReport,
) -> Result<(), CurationError> {
    let file = File::open(job.path()).map_err(CurationError::read(job.path()))?;
    let builder = job.guard(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
    let schema = Arc::clone(builder.schema());
    let columns: Vec<String> = schema.fields().iter().map(|it| it.name().clone()).collect();
    refuse_hidden_text(job, &schema)?;
    let holds_text = |at: usize| is_text(schema.field(at).data_type());
    let (examined, subject) = job.choose(&columns, &holds_text, report)?;
    let wrong = (0..columns.len()).find(|it| examined[*it] && !holds_text(*it));
    if let Some(at) = wrong {
        return Err(CurationError::Request(format!(
            "column `{}` holds {}, not text; only columns of text can be de-identified",
            columns[at],
            schema.field(at).data_type()
        )));
    }
    let rows = builder.metadata().file_metadata().num_rows().max(1) as f64;
    let batches = job.guard(|| builder.with_batch_size(BATCH_ROWS).build())?;
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
    let failed = |it| CurationError::parquet_write(std::path::Path::new("the result"))(it);
    let mut writer =
        ArrowWriter::try_new(&mut *out, Arc::clone(&schema), Some(properties)).map_err(failed)?;
    let mut batches = batches.into_iter();
    while let Some(batch) = job.guard(|| batches.next().transpose())? {
        let rewritten = rewrite_batch(job, rewriter, &batch, &examined, subject)?;
        writer.write(&rewritten).map_err(failed)?;
        report.records += batch.num_rows() as u64;
        job.progress.advance((batch.num_rows() as f64 / rows * job.probe.bytes as f64) as u64);
    }
    writer.close().map(|_| ()).map_err(failed)
}

fn rewrite_batch(
    job: &Job<'_>,
    rewriter: &mut dyn Rewrite,
    batch: &RecordBatch,
    examined: &[bool],
    subject: Option<usize>,
) -> Result<RecordBatch, CurationError> {
    let schema = batch.schema();
    let mut safe: Vec<Vec<Option<String>>> = vec![Vec::new(); batch.num_columns()];
    for row in 0..batch.num_rows() {
        if let Some(subject) = subject {
            rewriter.set_subject(&subject_of(batch.column(subject), row)?);
        }
        for at in (0..batch.num_columns()).filter(|it| examined[*it]) {
            let text = text_at(batch.column(at), row);
            let text = text.map(|it| rewriter.text(schema.field(at).name(), it)).transpose()?;
            safe[at].push(text);
        }
    }
    let columns = safe.into_iter().enumerate().map(|(at, texts)| {
        if examined[at] {
            array_of(texts, schema.field(at).data_type())
        } else {
            Arc::clone(batch.column(at))
        }
    });
    let columns: Vec<ArrayRef> = columns.collect();
    job.guard(|| RecordBatch::try_new(Arc::clone(&schema), columns))
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Text where this reader does not go.
fn refuse_hidden_text(job: &Job<'_>, schema: &Schema) -> Result<(), CurationError> {
    fn holds_text(kind: &DataType) -> bool {
        match kind {
            DataType::List(inner)
            | DataType::LargeList(inner)
            | DataType::FixedSizeList(inner, _)
            | DataType::ListView(inner)
            | DataType::LargeListView(inner)
            | DataType::Map(inner, _) => holds_text(inner.data_type()),
            DataType::Struct(fields) => fields.iter().any(|it| holds_text(it.data_type())),
            DataType::Dictionary(_, value) => holds_text(value),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
            other => is_text(other),
        }
    }
    let hidden =
        |it: &&Arc<arrow::datatypes::Field>| !is_text(it.data_type()) && holds_text(it.data_type());
    match schema.fields().iter().find(hidden) {
        Some(field) if job.request.columns.is_empty() => Err(CurationError::Request(format!(
            "column `{}` of `{}` may hold text inside {}, which is not looked into; name the columns to de-identify to leave it as it is, or flatten it",
            field.name(),
            job.name,
            field.data_type()
        ))),
        _ => Ok(()),
    }
}

fn text_at(column: &ArrayRef, row: usize) -> Option<&str> {
    if column.is_null(row) {
        return None;
    }
    let any = column.as_any();
    any.downcast_ref::<StringArray>()
        .map(|it| it.value(row))
        .or_else(|| any.downcast_ref::<LargeStringArray>().map(|it| it.value(row)))
        .or_else(|| any.downcast_ref::<StringViewArray>().map(|it| it.value(row)))
}

fn subject_of(column: &ArrayRef, row: usize) -> Result<String, CurationError> {
    use arrow::array::{Int32Array, Int64Array};
    let any = column.as_any();
    let number = any.downcast_ref::<Int64Array>().map(|it| it.value(row).to_string());
    let number =
        number.or_else(|| any.downcast_ref::<Int32Array>().map(|it| it.value(row).to_string()));
    match number {
        _ if is_text(column.data_type()) => Ok(text_at(column, row).unwrap_or_default().to_owned()),
        Some(number) => Ok(number),
        None => Err(CurationError::Request(format!(
            "the subject column holds {}; use one of text or whole numbers",
            column.data_type()
        ))),
    }
}

fn array_of(texts: Vec<Option<String>>, kind: &DataType) -> ArrayRef {
    match kind {
        DataType::LargeUtf8 => Arc::new(LargeStringArray::from(texts)),
        DataType::Utf8View => Arc::new(StringViewArray::from_iter(texts)),
        _ => Arc::new(StringArray::from(texts)),
    }
}

impl Job<'_> {
    fn guard<T, E: std::fmt::Display>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CurationError> {
        guarded(work)
            .map_err(|reason| CurationError::Unreadable { file: self.name.to_owned(), reason })
    }
}
