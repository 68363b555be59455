//! What can go wrong, split by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

use freehold_deidentification::DeidentificationError;
use freehold_vocabulary::Digest;

use crate::import::report::ImportReport;

/// Why an import, a split or a dataset version failed. Nothing half-written is left behind.
#[derive(Debug, thiserror::Error)]
pub enum CurationError {
    /// Mend the request: an option makes no sense.
    #[error("{0}")]
    Request(String),
    /// Mend the column mapping.
    #[error("`{file}` has no column `{column}`; its columns are {columns}")]
    UnknownColumn { file: String, column: String, columns: String },
    /// Name the column: none or several look right.
    #[error(
        "cannot tell which column of `{file}` holds the {role}; name one of its columns: {columns}"
    )]
    UnclearColumn { file: String, role: &'static str, columns: String },
    /// Mend the file or declare its format: nothing in it can be read.
    #[error("`{file}` cannot be read: {reason}")]
    Unreadable { file: String, reason: String },
    /// Mend the file at that place: what follows it has no clear meaning.
    #[error("`{file}`, line {line}: {reason}")]
    Malformed { file: String, line: u64, reason: String },
    /// Mend the rows that the report names, or allow that many.
    #[error(
        "{} rows were rejected and {allowed} are allowed; first {}; mend them or allow more",
        report.rejected, report.first_rejected()
    )]
    TooManyRejected { report: Box<ImportReport>, allowed: u64 },
    /// Import less, or raise the limit.
    #[error("{what} exceeds the limit of {limit}; {remedy}")]
    Limit { what: String, limit: u64, remedy: &'static str },
    /// A text was not searched or not rewritten.
    #[error(transparent)]
    Deidentification(#[from] DeidentificationError),
    /// No usable row is left.
    #[error("no usable row: {0}")]
    Empty(String),
    /// The directory does not hold a dataset version that this program knows.
    #[error("`{}` is not a dataset version: {reason}", path.display())]
    NotADataset { path: PathBuf, reason: String },
    /// Restore the file from a copy: its bytes are not the ones that were written.
    #[error("`{}` is damaged: expected {expected}, found {found}; restore it from a copy", path.display())]
    Damaged { path: PathBuf, expected: Digest, found: Digest },
    /// Free some space and repeat.
    #[error("no space is left for `{}`; free some and repeat, nothing was changed", path.display())]
    DiskFull { path: PathBuf },
    /// The system refused to read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The system refused to write.
    #[error("cannot write `{}`: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl CurationError {
    /// Wraps a failure to read `path`.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    /// Wraps a failure to write `path`; a full disk is told apart.
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Write { path, source },
        }
    }

    /// Wraps a failure of the Parquet writer; a full disk inside it is told apart.
    pub(crate) fn parquet_write(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            parquet::errors::ParquetError::External(source) => {
                match source.downcast::<io::Error>() {
                    Ok(source) => Self::write(&path)(*source),
                    Err(other) => Self::Write { path, source: io::Error::other(other) },
                }
            }
            other => Self::Write { path, source: io::Error::other(other) },
        }
    }
}

/// Column names for a message: quoted, in order, at most forty.
pub(crate) fn name_columns(columns: &[String]) -> String {
    const SHOWN: usize = 40;
    let mut names: Vec<String> = columns.iter().take(SHOWN).map(|it| format!("`{it}`")).collect();
    if columns.len() > SHOWN {
        names.push(format!("and {} more", columns.len() - SHOWN));
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
