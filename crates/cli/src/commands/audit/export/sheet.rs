//! Rows on their way into a file. They lie in a temporary file until the export is on record, so
//! that nobody has rows of which the log knows nothing.

use std::io::{BufWriter, Seek as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use freehold_vocabulary::audit::{Act, AuditRecord};
use freehold_vocabulary::{Digest, DigestBuilder};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// What the rows look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Csv,
    JsonLines,
    /// One list.
    Json,
}

/// The columns of egress decisions.
pub const EGRESS: [&str; 16] = [
    "record",
    "at",
    "actor",
    "decision",
    "trace",
    "task",
    "data_class",
    "engine",
    "clearance",
    "region",
    "owner",
    "rule",
    "bytes",
    "tokens",
    "redacted",
    "found",
];
/// The columns of other acts.
pub const ANY: [&str; 6] = ["record", "at", "actor", "act", "subject", "detail"];

/// The cells of a record, in the order of its columns.
pub fn cells(record: &AuditRecord) -> Vec<Value> {
    let mut cells = vec![json!(record.sequence), json!(record.at), json!(record.actor)];
    match &record.act {
        Act::Egress(it) => cells.extend([
            json!(it.decision),
            json!(it.trace),
            json!(it.task),
            json!(it.data_class),
            json!(it.engine),
            json!(it.clearance),
            json!(it.region),
            json!(it.owner),
            json!(it.rule),
            json!(it.bytes),
            json!(it.tokens),
            json!(it.redacted),
            json!(it.found),
        ]),
        act => cells.extend([
            json!(act.kind()),
            json!(record.subject),
            crate::commands::audit::detail(record),
        ]),
    }
    cells
}

/// Rows that are being written.
#[derive(Debug)]
pub struct Sheet {
    file: BufWriter<NamedTempFile>,
    shape: Shape,
    columns: usize,
    rows: u64,
    digest: DigestBuilder,
}

/// Rows that are complete, and that nobody has yet.
#[derive(Debug)]
pub struct Written {
    file: NamedTempFile,
    pub rows: u64,
    pub digest: Digest,
}

impl Sheet {
    /// An empty sheet.
    pub fn new(shape: Shape, columns: &[&str]) -> Result<Self> {
        let file = NamedTempFile::new().context("no temporary file can be made")?;
        let digest = DigestBuilder::default();
        let file = BufWriter::new(file);
        let mut sheet = Self { file, shape, columns: columns.len(), rows: 0, digest };
        match shape {
            Shape::Csv => sheet.csv(columns.iter().map(|it| (*it).to_owned()).collect())?,
            Shape::Json => sheet.put(b"[")?,
            Shape::JsonLines => {}
        }
        Ok(sheet)
    }

    /// A row of CSV.
    pub fn row(&mut self, cells: &[Value]) -> Result<()> {
        debug_assert_eq!(cells.len(), self.columns);
        self.rows += 1;
        self.csv(cells.iter().map(cell).collect())
    }

    /// A row as an object.
    pub fn value(&mut self, value: &Value) -> Result<()> {
        match self.shape {
            Shape::Json => {
                let comma = if self.rows == 0 { "\n" } else { ",\n" };
                self.rows += 1;
                self.put(format!("{comma}{value}").as_bytes())
            }
            Shape::JsonLines | Shape::Csv => self.line(&value.to_string()),
        }
    }

    /// A row as the text of an object.
    pub fn line(&mut self, text: &str) -> Result<()> {
        self.rows += 1;
        self.put(format!("{text}\n").as_bytes())
    }

    /// Ends it.
    pub fn finish(mut self) -> Result<Written> {
        if self.shape == Shape::Json {
            self.put(b"\n]\n")?;
        }
        let file = self.file.into_inner().context("the temporary file cannot be written")?;
        Ok(Written { file, rows: self.rows, digest: self.digest.finish() })
    }

    fn csv(&mut self, cells: Vec<String>) -> Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(cells)?;
        let bytes = writer.into_inner().context("a row of CSV")?;
        self.put(&bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        self.file.write_all(bytes).context("the temporary file cannot be written")
    }
}

impl Written {
    /// Writes the rows to standard output.
    pub fn print(mut self) -> Result<()> {
        self.file.rewind()?;
        std::io::copy(&mut self.file, &mut std::io::stdout().lock())?;
        Ok(())
    }

    /// Makes the rows a file of that name, which must be new.
    pub fn keep(mut self, path: &Path) -> Result<()> {
        self.file.rewind()?;
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)
            .with_context(|| format!("{} cannot be written to", folder.display()))?;
        std::io::copy(&mut self.file, &mut file)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => Ok(()),
            Err(error) => {
                bail!("{} cannot be made: {}; choose a new file", path.display(), error.error)
            }
        }
    }
}

/// One cell: text as it is, nothing for nothing, all else as JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(members) if members.is_empty() => String::new(),
        other => other.to_string(),
    }
}
