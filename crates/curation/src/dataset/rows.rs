//! Examples as rows of a Parquet file.
//!
//! The same rows give the same bytes: writer settings are fixed here, nothing depends on time,
//! threads or the machine. Columns: `id`, `text`, `labels`, `split`, `source`, and one
//! `slice_<name>` per slice.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema};
use freehold_vocabulary::{Digest, DigestBuilder, Example, Label, Split};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use crate::dataset::manifest::ColumnDescription;
use crate::error::CurationError;
use crate::guard::guarded;

/// Rows in a row group, unless its texts reach [`GROUP_TEXT_BYTES`] first.
const GROUP_ROWS: usize = 64 * 1024;
const GROUP_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// Rows handed to the writer at once.
const BATCH_ROWS: usize = 4096;
const BATCH_TEXT_BYTES: usize = 1024 * 1024;
/// What stands before the name of a slice.
const SLICE_PREFIX: &str = "slice_";

fn schema(slices: &[String]) -> Schema {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let element = Arc::new(Field::new("element", DataType::Utf8, false));
    let labels = Field::new("labels", DataType::List(element), false);
    let mut fields = vec![text("id"), text("text"), labels, text("split"), text("source")];
    let slice = |name: &String| Field::new(format!("{SLICE_PREFIX}{name}"), DataType::Utf8, true);
    fields.extend(slices.iter().map(slice));
    Schema::new(fields)
}

/// The columns in words, for the manifest.
pub(super) fn describe_columns(slices: &[String]) -> Vec<ColumnDescription> {
    let kind = |it: &DataType| match it {
        DataType::List(_) => "list<string>",
        _ => "string",
    };
    let describe = |it: &Arc<Field>| ColumnDescription {
        name: it.name().clone(),
        kind: kind(it.data_type()).to_owned(),
    };
    schema(slices).fields().iter().map(describe).collect()
}

fn properties() -> WriterProperties {
    let column = |name: &str| ColumnPath::from(name);
    let zstd = ZstdLevel::try_new(3).expect("zstd has a level 3");
    WriterProperties::builder()
        .set_created_by("freehold dataset 1".to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_size_limit(1024 * 1024)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(column("split"), EnabledStatistics::Chunk)
        .set_column_dictionary_enabled(column("id"), false)
        .set_column_dictionary_enabled(column("text"), false)
        .set_column_dictionary_enabled(column("source"), false)
        .build()
}

/// A row to be written.
#[derive(Debug)]
pub(super) struct NewRow<'a> {
    pub(super) text: &'a str,
    pub(super) labels: &'a [Label],
    pub(super) split: Split,
    pub(super) source: &'a str,
    pub(super) slices: &'a [Option<String>],
}

/// Writes examples to a new file.
pub(super) struct ExampleWriter {
    writer: ArrowWriter<HashedFile>,
    path: PathBuf,
    schema: Arc<Schema>,
    columns: Columns,
    content: DigestBuilder,
    group_text_bytes: usize,
}

/// What was written.
#[derive(Debug)]
pub(super) struct WrittenFile {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    pub(super) content: Digest,
}

#[derive(Debug, Default)]
struct Columns {
    id: StringBuilder,
    text: StringBuilder,
    labels: ListBuilder<StringBuilder>,
    split: StringBuilder,
    source: StringBuilder,
    slices: Vec<StringBuilder>,
    rows: usize,
    text_bytes: usize,
}

impl ExampleWriter {
    pub(super) fn create(path: &Path, slices: &[String]) -> Result<Self, CurationError> {
        let schema = Arc::new(schema(slices));
        let file = File::create_new(path).map_err(CurationError::write(path))?;
        let options =
            ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
        let hashed = HashedFile {
            file: BufWriter::with_capacity(256 * 1024, file),
            digest: DigestBuilder::default(),
            bytes: 0,
        };
        let writer = ArrowWriter::try_new_with_options(hashed, Arc::clone(&schema), options)
            .map_err(CurationError::parquet_write(path))?;
        let columns = Columns::new(slices.len());
        let content = DigestBuilder::default();
        Ok(Self { writer, path: path.to_owned(), schema, columns, content, group_text_bytes: 0 })
    }

    pub(super) fn push(&mut self, row: &NewRow<'_>) -> Result<(), CurationError> {
        let id = Example::id_of(row.text, row.labels);
        let line = serde_json::to_vec(&(&id, row.split, row.source, row.slices))
            .expect("texts are valid JSON strings");
        self.content.update(line);
        self.content.update(b"\n");
        self.columns.push(&id, row);
        if self.columns.rows >= BATCH_ROWS || self.columns.text_bytes >= BATCH_TEXT_BYTES {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<(), CurationError> {
        if self.columns.rows == 0 {
            return Ok(());
        }
        self.group_text_bytes += self.columns.text_bytes;
        let batch = self.columns.take(&self.schema);
        self.writer.write(&batch).map_err(CurationError::parquet_write(&self.path))?;
        if self.group_text_bytes >= GROUP_TEXT_BYTES {
            self.writer.flush().map_err(CurationError::parquet_write(&self.path))?;
            self.group_text_bytes = 0;
        }
        Ok(())
    }

    /// Completes the file and puts it on the disk.
    pub(super) fn finish(mut self) -> Result<WrittenFile, CurationError> {
        self.write_batch()?;
        let mut hashed =
            self.writer.into_inner().map_err(CurationError::parquet_write(&self.path))?;
        let write_error = || CurationError::write(&self.path);
        hashed.flush().map_err(write_error())?;
        hashed.file.get_ref().sync_all().map_err(write_error())?;
        let digest = hashed.digest.finish();
        Ok(WrittenFile { digest, bytes: hashed.bytes, content: self.content.finish() })
    }
}

impl Columns {
    fn new(slices: usize) -> Self {
        let element = Arc::new(Field::new("element", DataType::Utf8, false));
        Self {
            labels: ListBuilder::new(StringBuilder::new()).with_field(element),
            slices: (0..slices).map(|_| StringBuilder::new()).collect(),
            ..Self::default()
        }
    }

    fn push(&mut self, id: &Digest, row: &NewRow<'_>) {
        self.id.append_value(id.hex());
        self.text.append_value(row.text);
        for label in row.labels {
            self.labels.values().append_value(label.as_str());
        }
        self.labels.append(true);
        self.split.append_value(row.split.as_str());
        self.source.append_value(row.source);
        for (column, value) in self.slices.iter_mut().zip(row.slices) {
            column.append_option(value.as_deref());
        }
        self.rows += 1;
        self.text_bytes += row.text.len();
    }

    fn take(&mut self, schema: &Arc<Schema>) -> RecordBatch {
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.labels.finish()),
            Arc::new(self.split.finish()),
            Arc::new(self.source.finish()),
        ];
        arrays.extend(self.slices.iter_mut().map(|it| Arc::new(it.finish()) as ArrayRef));
        (self.rows, self.text_bytes) = (0, 0);
        RecordBatch::try_new(Arc::clone(schema), arrays)
            .expect("the columns are built by the schema")
    }
}

/// A file whose digest is known when it is written.
struct HashedFile {
    file: BufWriter<File>,
    digest: DigestBuilder,
    bytes: u64,
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The examples of a version, one at a time.
pub struct Examples {
    batches: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    at: usize,
    slices: Vec<String>,
    path: PathBuf,
}

impl std::fmt::Debug for Examples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Examples").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Examples {
    pub(super) fn open(path: &Path, slices: &[String]) -> Result<Self, CurationError> {
        let file = File::open(path).map_err(CurationError::read(path))?;
        let broken = |reason| CurationError::NotADataset { path: path.to_owned(), reason };
        let builder = guarded(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(broken)?;
        let names = builder.schema().fields().iter().map(|it| it.name().as_str());
        if !names.eq(schema(slices).fields().iter().map(|it| it.name().as_str())) {
            return Err(broken(
                "its columns are not the ones that the manifest describes".to_owned(),
            ));
        }
        let batches = guarded(|| builder.with_batch_size(1024).build()).map_err(broken)?;
        Ok(Self { batches, batch: None, at: 0, slices: slices.to_vec(), path: path.to_owned() })
    }

    fn not_ours(&self, reason: String) -> CurationError {
        CurationError::NotADataset { path: self.path.clone(), reason }
    }

    fn read(&self, batch: &RecordBatch) -> Result<Example, CurationError> {
        let row = self.at;
        let column = |at: usize| -> Result<&StringArray, CurationError> {
            batch
                .column(at)
                .as_string_opt::<i32>()
                .ok_or_else(|| self.not_ours(format!("its column {at} does not hold texts")))
        };
        let text = |at: usize| Ok::<_, CurationError>(column(at)?.value(row).to_owned());
        let lists = batch.column(2).as_list_opt::<i32>();
        let lists = lists.ok_or_else(|| self.not_ours("its labels are not lists".to_owned()))?;
        let values = lists.value(row);
        let values = values.as_string_opt::<i32>();
        let values = values.ok_or_else(|| self.not_ours("its labels are not texts".to_owned()))?;
        let labels = values
            .iter()
            .flatten()
            .map(|it| Label::parse(it).map_err(|error| self.not_ours(error.to_string())));
        let split = text(3)?;
        let mut example = Example {
            id: Digest::parse(&text(0)?).map_err(|error| self.not_ours(error.to_string()))?,
            text: text(1)?,
            labels: labels.collect::<Result<_, _>>()?,
            split: Split::parse(&split)
                .ok_or_else(|| self.not_ours(format!("`{split}` is not a split")))?,
            slices: std::collections::BTreeMap::new(),
            source: text(4)?,
        };
        for (at, name) in (5..).zip(&self.slices) {
            let values = column(at)?;
            if values.is_valid(row) {
                example.slices.insert(name.clone(), values.value(row).to_owned());
            }
        }
        Ok(example)
    }
}

impl Iterator for Examples {
    type Item = Result<Example, CurationError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.batch.as_ref().is_none_or(|it| self.at >= it.num_rows()) {
            match guarded(|| self.batches.next().transpose()) {
                Ok(Some(batch)) => (self.batch, self.at) = (Some(batch), 0),
                Ok(None) => return None,
                Err(reason) => return Some(Err(self.not_ours(reason))),
            }
        }
        let batch = self.batch.as_ref().expect("the loop ended with a batch");
        let example = self.read(batch);
        self.at += 1;
        Some(example)
    }
}
