//! A version as an ordinary file: CSV, JSON Lines or Parquet. What is written can be imported
//! again.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Example, Label, LabelMode, Split};
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use super::Dataset;
use super::rows::{ExampleWriter, NewRow};
use crate::error::CurationError;

/// What to write where.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    pub path: PathBuf,
    pub format: ExportFormat,
    /// All splits if none is named.
    pub splits: Vec<Split>,
    /// The label that stands for "out of scope" in CSV and JSON Lines.
    pub out_of_scope: String,
}

/// A file format to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Csv,
    JsonLines,
    Parquet,
}

impl ExportFormat {
    /// The format that an extension asks for.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

impl ExportRequest {
    /// Everything, in the format of the extension.
    ///
    /// # Errors
    /// When the extension is none of `csv`, `jsonl` and `parquet`.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, CurationError> {
        let path = path.into();
        let format = ExportFormat::of_path(&path).ok_or_else(|| {
            CurationError::Request(format!(
                "`{}` does not say a format; use the extension .csv, .jsonl or .parquet",
                path.display()
            ))
        })?;
        Ok(Self { path, format, splits: Vec::new(), out_of_scope: "oos".to_owned() })
    }
}

impl Dataset {
    /// Writes rows to a file, which replaces an older one only when it is complete. Returns how
    /// many rows were written.
    ///
    /// # Errors
    /// When the disk is full or refuses, or the out-of-scope word is a label.
    pub fn export(
        &self,
        request: &ExportRequest,
        progress: &dyn Progress,
    ) -> Result<u64, CurationError> {
        let word = Label::parse(&request.out_of_scope)
            .map_err(|error| CurationError::Request(error.to_string()))?;
        if self.labels().index_of(&word).is_some() {
            return Err(CurationError::Request(format!(
                "`{word}` is a label of the data set; choose another word for out of scope"
            )));
        }
        let directory = match request.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let temporary =
            NamedTempFile::new_in(directory).map_err(CurationError::write(&request.path))?;
        let sink = self.sink(request, temporary.path())?;
        let rows = self.copy_rows(request, sink, progress)?;
        let write_error = || CurationError::write(&request.path);
        temporary.as_file().sync_all().map_err(write_error())?;
        temporary.persist(&request.path).map_err(|it| write_error()(it.error))?;
        Ok(rows)
    }

    fn sink(&self, request: &ExportRequest, path: &Path) -> Result<Box<dyn Sink>, CurationError> {
        let slices = &self.manifest().slices;
        let open = || File::create(path).map(BufWriter::new).map_err(CurationError::write(path));
        let shape = Shape {
            path: request.path.clone(),
            mode: self.mode(),
            slices: slices.clone(),
            out_of_scope: request.out_of_scope.clone(),
        };
        Ok(match request.format {
            ExportFormat::Csv => Box::new(CsvSink::new(open()?, shape)?),
            ExportFormat::JsonLines => Box::new(JsonSink { file: open()?, shape }),
            ExportFormat::Parquet => {
                // The writer makes its own file; the temporary name stays reserved.
                std::fs::remove_file(path).map_err(CurationError::write(path))?;
                Box::new(ParquetSink { writer: ExampleWriter::create(path, slices)?, shape })
            }
        })
    }

    fn copy_rows(
        &self,
        request: &ExportRequest,
        mut sink: Box<dyn Sink>,
        progress: &dyn Progress,
    ) -> Result<u64, CurationError> {
        progress.begin("exporting", Some(self.manifest().counts.rows));
        let mut rows = 0;
        for example in self.iter()? {
            let example = example?;
            if request.splits.is_empty() || request.splits.contains(&example.split) {
                sink.push(&example)?;
                rows += 1;
            }
            progress.advance(1);
        }
        sink.finish()?;
        progress.end();
        Ok(rows)
    }
}

/// One format being written.
trait Sink {
    fn push(&mut self, example: &Example) -> Result<(), CurationError>;
    fn finish(self: Box<Self>) -> Result<(), CurationError>;
}

/// What the rows look like.
struct Shape {
    path: PathBuf,
    mode: LabelMode,
    slices: Vec<String>,
    out_of_scope: String,
}

impl Shape {
    /// The label cell: the label itself, or a JSON list.
    fn label_cell(&self, example: &Example) -> String {
        match (self.mode, example.labels.first()) {
            (LabelMode::Multi, _) => {
                serde_json::to_string(&example.labels).expect("labels are valid JSON strings")
            }
            (LabelMode::Single, Some(label)) => label.to_string(),
            (LabelMode::Single, None) => self.out_of_scope.clone(),
        }
    }

    fn write_error(&self) -> impl FnOnce(std::io::Error) -> CurationError {
        CurationError::write(&self.path)
    }
}

struct CsvSink {
    writer: csv::Writer<BufWriter<File>>,
    shape: Shape,
}

impl CsvSink {
    fn new(file: BufWriter<File>, shape: Shape) -> Result<Self, CurationError> {
        let mut sink = Self { writer: csv::Writer::from_writer(file), shape };
        let mut header = vec!["id", "text", "label", "split", "source"];
        header.extend(sink.shape.slices.iter().map(String::as_str));
        sink.writer.write_record(&header).map_err(|it| sink.shape.write_error()(it.into()))?;
        Ok(sink)
    }
}

impl Sink for CsvSink {
    fn push(&mut self, example: &Example) -> Result<(), CurationError> {
        let id = example.id.to_string();
        let label = self.shape.label_cell(example);
        let mut record =
            vec![id.as_str(), &example.text, &label, example.split.as_str(), &example.source];
        let slice = |name| example.slices.get(name).map_or("", String::as_str);
        record.extend(self.shape.slices.iter().map(slice));
        self.writer.write_record(&record).map_err(|it| self.shape.write_error()(it.into()))
    }

    fn finish(mut self: Box<Self>) -> Result<(), CurationError> {
        self.writer.flush().map_err(self.shape.write_error())
    }
}

struct JsonSink {
    file: BufWriter<File>,
    shape: Shape,
}

impl Sink for JsonSink {
    fn push(&mut self, example: &Example) -> Result<(), CurationError> {
        let mut row = Map::new();
        let mut put = |key: &str, value: Value| row.insert(key.to_owned(), value);
        put("id", Value::from(example.id.to_string()));
        put("text", Value::from(example.text.as_str()));
        put(
            "label",
            match self.shape.mode {
                LabelMode::Multi => example.labels.iter().map(Label::as_str).collect(),
                LabelMode::Single => Value::from(self.shape.label_cell(example)),
            },
        );
        put("split", Value::from(example.split.as_str()));
        put("source", Value::from(example.source.as_str()));
        for (name, value) in &example.slices {
            put(name, Value::from(value.as_str()));
        }
        let mut line = Value::Object(row).to_string();
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(self.shape.write_error())
    }

    fn finish(mut self: Box<Self>) -> Result<(), CurationError> {
        self.file.flush().map_err(self.shape.write_error())
    }
}

struct ParquetSink {
    writer: ExampleWriter,
    shape: Shape,
}

impl Sink for ParquetSink {
    fn push(&mut self, example: &Example) -> Result<(), CurationError> {
        let slices = self.shape.slices.iter().map(|it| example.slices.get(it).cloned());
        self.writer.push(&NewRow {
            text: &example.text,
            labels: &example.labels,
            split: example.split,
            source: &example.source,
            slices: &slices.collect::<Vec<_>>(),
        })
    }

    fn finish(self: Box<Self>) -> Result<(), CurationError> {
        self.writer.finish().map(|_| ())
    }
}
