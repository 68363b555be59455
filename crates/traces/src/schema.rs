//! A trace as a row: the columns of the Parquet files and of the table `traces`.
//!
//! Plain types that DuckDB, Polars, Spark and DataFusion all read: instants are microseconds in UTC,
//! integers are signed, the answers of the tiers are a list of structs. `task` and `day` are in the
//! path of a Parquet file, not in the file (the Hive convention), and come last in the table.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, LargeStringArray, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit,
};
use freehold_vocabulary::{Label, TierAnswer, Timestamp, Trace};

mod decode;
mod generation;
mod route;

pub use self::decode::trace_at;

/// Rows in one batch; small enough that a batch of long inputs fits in memory.
pub const BATCH_ROWS: usize = 8192;

/// Columns of a Parquet file.
pub static FILE: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        text("id"),
        Arc::new(Field::new("at", instant(), false)),
        text("caller"),
        text("endpoint"),
        Arc::new(Field::new("input", DataType::LargeUtf8, false)),
        text("outcome"),
        Arc::new(Field::new("labels", labels_type(), false)),
        Arc::new(Field::new("confidence", DataType::Float64, false)),
        text("tier"),
        Arc::new(Field::new("certificate", DataType::Utf8, true)),
        Arc::new(Field::new("latency_us", DataType::Int64, false)),
        Arc::new(Field::new("tiers", DataType::List(tier_item()), false)),
        generation::field(),
        route::field(),
    ]))
});

/// Columns that a Parquet file has in its path.
pub static PATH: LazyLock<Vec<FieldRef>> =
    LazyLock::new(|| vec![text("task"), Arc::new(Field::new("day", DataType::Date32, false))]);

/// Columns of the table.
pub static TABLE: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields = FILE.fields().iter().chain(PATH.iter()).cloned();
    Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>()))
});

/// Rows with the columns of [`FILE`].
pub fn file_batch(traces: &[Trace]) -> RecordBatch {
    let batch = RecordBatch::try_new(Arc::clone(&FILE), file_columns(traces));
    batch.expect("the columns are those of the schema")
}

/// Rows with the columns of [`TABLE`].
pub fn table_batch(traces: &[Trace]) -> RecordBatch {
    let mut columns = file_columns(traces);
    columns.push(Arc::new(StringArray::from_iter_values(traces.iter().map(|it| it.task.as_str()))));
    columns.push(Arc::new(Date32Array::from_iter_values(traces.iter().map(|it| date(it.at)))));
    let batch = RecordBatch::try_new(Arc::clone(&TABLE), columns);
    batch.expect("the columns are those of the schema")
}

/// The day of an instant in days since 1970, as Arrow counts them.
pub fn date(at: Timestamp) -> i32 {
    // Traces are refused outside the years 1970 to 9999, so the number is small.
    at.as_micros().div_euclid(86_400_000_000) as i32
}

fn file_columns(traces: &[Trace]) -> Vec<ArrayRef> {
    fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(texts))
    }
    let at = traces.iter().map(|it| it.at.as_micros());
    let at = TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC");
    let certificates = traces.iter().map(|it| it.certificate.as_deref());
    vec![
        texts(traces.iter().map(|it| it.id.as_str())),
        Arc::new(at),
        texts(traces.iter().map(|it| it.caller.as_str())),
        texts(traces.iter().map(|it| it.endpoint.as_str())),
        Arc::new(LargeStringArray::from_iter_values(traces.iter().map(|it| it.input.as_str()))),
        texts(traces.iter().map(|it| it.outcome.as_str())),
        labels_column(traces.iter().map(|it| it.labels.as_slice())),
        Arc::new(Float64Array::from_iter_values(traces.iter().map(|it| it.confidence))),
        texts(traces.iter().map(|it| it.tier.as_str())),
        Arc::new(certificates.collect::<StringArray>()),
        Arc::new(Int64Array::from_iter_values(traces.iter().map(|it| signed(it.latency_us)))),
        tiers_column(traces),
        generation::of(traces),
        route::of(traces),
    ]
}

fn labels_column<'a>(rows: impl Iterator<Item = &'a [Label]> + Clone) -> ArrayRef {
    let lengths = OffsetBuffer::from_lengths(rows.clone().map(<[Label]>::len));
    let texts: Vec<&str> = rows.flatten().map(Label::as_str).collect();
    let texts = StringArray::from_iter_values(texts);
    Arc::new(ListArray::new(label_item(), lengths, Arc::new(texts), None))
}

fn tiers_column(traces: &[Trace]) -> ArrayRef {
    let lengths = OffsetBuffer::from_lengths(traces.iter().map(|it| it.tiers.len()));
    let answers: Vec<&TierAnswer> = traces.iter().flat_map(|it| &it.tiers).collect();
    let each = || answers.iter().copied();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(each().map(|it| it.tier.as_str()))),
        Arc::new(StringArray::from_iter_values(each().map(|it| it.version.to_string()))),
        labels_column(each().map(|it| it.labels.as_slice())),
        Arc::new(Float64Array::from_iter_values(each().map(|it| it.confidence))),
        Arc::new(each().map(|it| it.ood_score).collect::<Float64Array>()),
        Arc::new(each().map(|it| Some(it.kept)).collect::<BooleanArray>()),
        Arc::new(each().map(|it| it.reason.as_deref()).collect::<StringArray>()),
        Arc::new(Int64Array::from_iter_values(each().map(|it| signed(it.latency_us)))),
        Arc::new(Int64Array::from_iter_values(each().map(|it| i64::from(it.tokens)))),
    ];
    let rows = StructArray::try_new_with_length(tier_fields(), columns, None, answers.len());
    let rows = rows.expect("the columns are those of the struct");
    Arc::new(ListArray::new(tier_item(), lengths, Arc::new(rows), None))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("larger numbers are refused when a trace is appended")
}

fn text(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Utf8, false))
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn label_item() -> FieldRef {
    text("item")
}

fn labels_type() -> DataType {
    DataType::List(label_item())
}

fn tier_fields() -> Fields {
    Fields::from(vec![
        text("tier"),
        text("version"),
        Arc::new(Field::new("labels", labels_type(), false)),
        Arc::new(Field::new("confidence", DataType::Float64, false)),
        Arc::new(Field::new("ood_score", DataType::Float64, true)),
        Arc::new(Field::new("kept", DataType::Boolean, false)),
        Arc::new(Field::new("reason", DataType::Utf8, true)),
        Arc::new(Field::new("latency_us", DataType::Int64, false)),
        Arc::new(Field::new("tokens", DataType::Int64, false)),
    ])
}

fn tier_item() -> FieldRef {
    Arc::new(Field::new("item", DataType::Struct(tier_fields()), false))
}
