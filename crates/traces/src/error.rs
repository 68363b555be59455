//! What can go wrong with the trace folder, by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;

/// Why the trace folder could not be used or a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Stop the other process, or use another folder.
    #[error(
        "trace folder `{dir}` is in use by {holder}; stop it, or give this process another folder"
    )]
    InUse { dir: PathBuf, holder: String },
    /// The disk failed, is full, or refuses access.
    #[error("cannot {doing} `{path}`: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// Written by another version of the program, or damaged beyond what recovery may decide alone.
    #[error("`{path}` cannot be read: {reason}; use the version that wrote it, or move it away")]
    Unreadable { path: PathBuf, reason: String },
    /// A Parquet file could not be written or read.
    #[error("Parquet file `{path}` failed: {source}")]
    Parquet { path: PathBuf, source: ParquetError },
    /// Mend the trace.
    #[error("trace `{id}` was refused: {reason}")]
    Trace { id: String, reason: String },
    /// Mend the question.
    #[error("the question was refused: {reason}")]
    Refused { reason: String },
    /// Ask for less.
    #[error("the question needs more than its limit: {reason}")]
    Limit { reason: String },
    /// The query engine failed.
    #[error("the question could not be answered: {source}")]
    Query { source: Box<DataFusionError> },
    /// A thread of the log has ended; only a restart helps.
    #[error("the trace log has stopped; restart the process")]
    Stopped,
}

impl TracesError {
    /// Names the path and what was being done to it.
    pub(crate) fn io(
        doing: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { doing, path, source }
    }

    pub(crate) fn parquet(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Parquet { path, source }
    }
}

impl From<DataFusionError> for TracesError {
    fn from(source: DataFusionError) -> Self {
        match source.find_root() {
            DataFusionError::ResourcesExhausted(reason) => Self::Limit { reason: reason.clone() },
            DataFusionError::Plan(reason)
            | DataFusionError::NotImplemented(reason)
            | DataFusionError::Configuration(reason) => Self::Refused { reason: reason.clone() },
            DataFusionError::SQL(..) | DataFusionError::SchemaError(..) => {
                Self::Refused { reason: source.strip_backtrace() }
            }
            _ => Self::Query { source: Box::new(source) },
        }
    }
}
