//! Files: text, CSV, JSON, JSON Lines and Parquet in, the same format without identifiers out.
//!
//! Reads and writes; finding and replacing is the work of `deidentification`. Nothing of the
//! content enters an error or the report, but for the names of columns.

use std::io::{BufWriter, Write};
use std::path::Path;

use freehold_vocabulary::ports::Progress;
use serde::Serialize;
use serde_json::Value;

use crate::error::{CurationError, name_columns};
use crate::import::{KnownEncoding, Probe, probe};
use crate::request::SourceFile;
use freehold_deidentification::redaction::{Key, Redactor, decrypt};

mod csv;
mod json;
mod json_lines;
mod parquet;
mod text;

/// Every format, by the name that a request and a report use.
pub const FORMATS: &[FileFormat] = &[
    FileFormat { name: "csv", extensions: &["csv", "tsv", "tab", "psv"], run: csv::run },
    FileFormat { name: "json", extensions: &["json"], run: json::run },
    FileFormat { name: "jsonl", extensions: &["jsonl", "ndjson"], run: json_lines::run },
    FileFormat { name: "parquet", extensions: &["parquet", "pq"], run: parquet::run },
    FileFormat { name: "text", extensions: &["txt", "md", "log", "text"], run: text::run },
];

/// One file format.
#[derive(Debug)]
pub struct FileFormat {
    pub name: &'static str,
    pub extensions: &'static [&'static str],
    run: fn(&Job<'_>, &mut dyn Rewrite, Output<'_>, &mut FileReport) -> Result<(), CurationError>,
}

/// Where the result goes.
pub type Output<'a> = &'a mut (dyn Write + Send);

/// What to do to which file.
#[derive(Debug, Clone)]
pub struct FileRequest {
    /// `format` may name one of [`FORMATS`]; otherwise the extension decides, else it is text.
    pub source: SourceFile,
    /// Columns or top-level keys to look into; all that hold text if none is named.
    pub columns: Vec<String>,
    /// The column that says whose dates are in a row.
    pub subject: Option<String>,
}

/// What was done; holds no content.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FileReport {
    pub format: &'static str,
    pub encoding: Option<&'static str>,
    /// Rows, lines or, of plain text, blocks.
    pub records: u64,
    pub columns_examined: Vec<String>,
    /// Columns that went through unseen: not named, or holding no text.
    pub columns_left: Vec<String>,
}

/// What happens to each text.
pub trait Rewrite {
    /// Whose texts follow.
    fn set_subject(&mut self, subject: &str);
    /// One text under the name of its column, or under none.
    ///
    /// # Errors
    /// When a limit is exceeded or the text cannot be understood.
    fn text(&mut self, heading: &str, text: &str) -> Result<String, CurationError>;
    /// One JSON value under its key, in place.
    ///
    /// # Errors
    /// When a limit is exceeded or a text in it cannot be understood.
    fn json(&mut self, heading: &str, value: &mut Value) -> Result<(), CurationError>;
}

impl Rewrite for Redactor {
    fn set_subject(&mut self, subject: &str) {
        Self::set_subject(self, subject);
    }

    fn text(&mut self, heading: &str, text: &str) -> Result<String, CurationError> {
        Ok(self.redact_under(heading, text)?)
    }

    fn json(&mut self, heading: &str, value: &mut Value) -> Result<(), CurationError> {
        Ok(self.redact_json_under(heading, value)?)
    }
}

/// Turns encrypted identifiers back.
#[derive(Debug, Clone)]
pub struct Decryptor(pub Key);

impl Rewrite for Decryptor {
    fn set_subject(&mut self, _subject: &str) {}

    fn text(&mut self, _heading: &str, text: &str) -> Result<String, CurationError> {
        Ok(decrypt(text, &self.0)?)
    }

    fn json(&mut self, _heading: &str, value: &mut Value) -> Result<(), CurationError> {
        decrypt_value(value, &self.0)
    }
}

fn decrypt_value(value: &mut Value, key: &Key) -> Result<(), CurationError> {
    match value {
        Value::String(text) => *text = decrypt(text, key)?,
        Value::Array(items) => {
            for item in items {
                decrypt_value(item, key)?;
            }
        }
        Value::Object(fields) => {
            for (name, mut field) in std::mem::take(fields) {
                decrypt_value(&mut field, key)?;
                fields.insert(decrypt(&name, key)?, field);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

/// One run over one file.
struct Job<'a> {
    request: &'a FileRequest,
    name: &'a str,
    probe: &'a Probe,
    encoding: KnownEncoding,
    progress: &'a dyn Progress,
}

/// Rewrites a file into `out`, in its own format.
///
/// # Errors
/// When the file cannot be read or understood, names no such column, or exceeds a limit. What
/// was written until then is not complete: write to a temporary place.
pub fn rewrite(
    request: &FileRequest,
    rewriter: &mut dyn Rewrite,
    out: Output<'_>,
    progress: &dyn Progress,
) -> Result<FileReport, CurationError> {
    let path = &request.source.path;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let total = std::fs::metadata(path).map_err(CurationError::read(path))?.len();
    progress.begin(&format!("probing {name}"), Some(total));
    let probe = probe(path, &|bytes| progress.advance(bytes))?;
    progress.end();
    let format = format_of(request, &probe)?;
    let binary = format.name == "parquet";
    if !binary {
        refuse_binary(&name, &probe.head)?;
    }
    let encoding = probe.encoding(path, request.source.encoding.as_deref())?;
    let mut report = FileReport {
        format: format.name,
        encoding: (!binary).then(|| encoding.encoding.name()),
        ..FileReport::default()
    };
    let job = Job { request, name: &name, probe: &probe, encoding, progress };
    progress.begin(&format!("rewriting {name}"), Some(total));
    let mut buffered = BufWriter::with_capacity(256 * 1024, out);
    (format.run)(&job, rewriter, &mut buffered, &mut report)?;
    buffered.flush().map_err(job.write_error())?;
    progress.end();
    Ok(report)
}

fn format_of(request: &FileRequest, probe: &Probe) -> Result<&'static FileFormat, CurationError> {
    let named = |name: &str| FORMATS.iter().find(|it| it.name == name);
    if let Some(declared) = &request.source.format {
        return named(declared).ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|it| it.name).collect();
            CurationError::Request(format!(
                "`{declared}` is not a format; the formats are {}",
                names.join(", ")
            ))
        });
    }
    if probe.head.starts_with(b"PAR1") {
        return Ok(named("parquet").expect("the table holds it"));
    }
    let extension = request.source.path.extension().and_then(|it| it.to_str()).unwrap_or("");
    let extension = extension.to_ascii_lowercase();
    let found = FORMATS.iter().find(|it| it.extensions.contains(&extension.as_str()));
    Ok(found.unwrap_or_else(|| named("text").expect("the table holds it")))
}

/// Rewriting bytes that are no text would damage them and find nothing.
fn refuse_binary(name: &str, head: &[u8]) -> Result<(), CurationError> {
    let utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let zeros = head.iter().filter(|it| **it == 0).count();
    // UTF-16 without a mark has a zero in nearly every other byte; binary files have some.
    if !utf16 && zeros > 0 && zeros * 10 < head.len() * 3 || head.starts_with(b"PK\x03\x04") {
        return Err(CurationError::Unreadable {
            file: name.to_owned(),
            reason: "it is not text, CSV, JSON or Parquet; export its content as one of them"
                .to_owned(),
        });
    }
    Ok(())
}

impl Job<'_> {
    fn path(&self) -> &Path {
        &self.request.source.path
    }

    /// Wraps a failure to write the result.
    fn write_error(&self) -> impl Fn(std::io::Error) -> CurationError + use<> {
        |source| CurationError::write(Path::new("the result"))(source)
    }

    /// Which of the columns are looked into, and which one names the subject.
    fn choose(
        &self,
        columns: &[String],
        holds_text: &dyn Fn(usize) -> bool,
        report: &mut FileReport,
    ) -> Result<(Vec<bool>, Option<usize>), CurationError> {
        let place = |wanted: &String| {
            columns.iter().position(|it| it == wanted).ok_or_else(|| CurationError::UnknownColumn {
                file: self.name.to_owned(),
                column: wanted.clone(),
                columns: name_columns(columns),
            })
        };
        let mut examined: Vec<bool> = (0..columns.len())
            .map(|it| self.request.columns.is_empty() && holds_text(it))
            .collect();
        for wanted in &self.request.columns {
            examined[place(wanted)?] = true;
        }
        let subject = self.request.subject.as_ref().map(place).transpose()?;
        for (column, examined) in columns.iter().zip(&examined) {
            let list =
                if *examined { &mut report.columns_examined } else { &mut report.columns_left };
            list.push(column.clone());
        }
        Ok((examined, subject))
    }
}
