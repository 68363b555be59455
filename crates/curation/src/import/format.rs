//! The file formats that can be imported, and how one is recognised.
//!
//! A format is one file and one line in [`FORMATS`]; all pass the conformance suite in
//! `tests/curation/conformance.rs`. A reader gives raw cells; what they mean is the judge's business.

use std::fmt;
use std::path::Path;

use super::encoding::{KnownEncoding, Probe};
use super::report::Reason;
use super::{csv, json, parquet};
use crate::error::CurationError;
use crate::request::{Limits, SourceFile};

/// Every format, in the order in which contents are sniffed.
pub const FORMATS: &[Format] =
    &[parquet::FORMAT, json::array::FORMAT, json::lines::FORMAT, csv::FORMAT];

/// One file format.
pub struct Format {
    pub name: &'static str,
    /// Lower-case file extensions.
    pub extensions: &'static [&'static str],
    /// Whether the format is text, and its encoding therefore matters.
    pub(crate) content: Content,
    /// Whether these first bytes (of UTF-8, for text) look like it.
    pub(crate) sniff: fn(&[u8]) -> bool,
    pub(crate) open: fn(&Opening<'_>) -> Result<Box<dyn RowReader>, CurationError>,
}

/// Text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Text,
    Binary,
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Format").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a reader needs to begin.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) source: &'a SourceFile,
    /// The name for messages.
    pub(crate) name: &'a str,
    pub(crate) probe: &'a Probe,
    /// The first bytes as UTF-8; empty for binary formats.
    pub(crate) head: &'a str,
    /// UTF-8 by force for binary formats.
    pub(crate) encoding: KnownEncoding,
    pub(crate) limits: Limits,
}

/// Gives the rows of one file in order.
pub(crate) trait RowReader: fmt::Debug {
    /// The columns of the file; for JSON the keys of its first rows.
    fn columns(&self) -> &[String];
    /// Which columns the following rows carry, by position in [`RowReader::columns`].
    fn select(&mut self, columns: &[usize]) -> Result<(), CurationError>;
    /// Fills `cells` with the selected columns of the next row.
    ///
    /// # Errors
    /// When nothing after this place can be read; a bad row is [`Step::Bad`] instead.
    fn next(&mut self, cells: &mut Vec<Cell>) -> Result<Step, CurationError>;
    /// How much of the file is read, in bytes.
    fn position(&self) -> u64;
    /// The delimiter, for formats that have one.
    fn delimiter(&self) -> Option<char> {
        None
    }
}

/// One value of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Null, or no such key.
    Missing,
    Text(String),
    /// A list of scalars.
    List(Vec<String>),
    /// Something without a textual form, by its kind.
    Other(&'static str),
}

/// What [`RowReader::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A row that starts on this line.
    Row {
        line: u64,
    },
    /// A row that cannot be read, on this line.
    Bad {
        line: u64,
        reason: Reason,
    },
    End,
}

/// The format of a file: as declared, by its first bytes, by its extension, by its content.
pub(crate) fn format_of(
    source: &SourceFile,
    name: &str,
    head: &[u8],
    head_text: &str,
) -> Result<&'static Format, CurationError> {
    if let Some(declared) = &source.format {
        return FORMATS.iter().find(|it| it.name == declared).ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|it| it.name).collect();
            CurationError::Request(format!(
                "`{declared}` is not a format; the formats are {}",
                names.join(", ")
            ))
        });
    }
    let binary = |it: &&Format| it.content == Content::Binary && (it.sniff)(head);
    if let Some(format) = FORMATS.iter().find(binary) {
        return Ok(format);
    }
    refuse_containers(name, head)?;
    let extension = source.path.extension().and_then(|it| it.to_str()).unwrap_or("");
    let extension = extension.to_ascii_lowercase();
    let mut named: Vec<&Format> =
        FORMATS.iter().filter(|it| it.extensions.contains(&extension.as_str())).collect();
    if named.is_empty() {
        named = FORMATS.iter().collect();
    }
    named.retain(|it| it.content == Content::Text && (it.sniff)(head_text.as_bytes()));
    named.first().copied().ok_or_else(|| CurationError::Unreadable {
        file: name.to_owned(),
        reason: format!("its content is not what `.{extension}` promises"),
    })
}

/// Packed and office files get a sentence of their own, since people do try them.
fn refuse_containers(name: &str, head: &[u8]) -> Result<(), CurationError> {
    const CONTAINERS: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "it is compressed with gzip; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "it is compressed with zstd; unpack it first"),
        (b"BZh", "it is compressed with bzip2; unpack it first"),
        (b"\xfd7zXZ", "it is compressed with xz; unpack it first"),
        (b"PK\x03\x04", "it is a zip or office file; export its sheet as CSV"),
        (b"\xd0\xcf\x11\xe0", "it is an office file; export its sheet as CSV"),
        (b"ARROW1", "it is an Arrow file; save it as Parquet"),
    ];
    match CONTAINERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, reason)) => {
            Err(CurationError::Unreadable { file: name.to_owned(), reason: (*reason).to_owned() })
        }
        None => Ok(()),
    }
}

/// Whether a path's extension belongs to a known format.
#[must_use]
pub fn is_importable(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("").to_ascii_lowercase();
    FORMATS.iter().any(|it| it.extensions.contains(&extension.as_str()))
}
