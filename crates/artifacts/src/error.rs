//! Why the artifact store did not do what it was asked, split by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

use freehold_vocabulary::Digest;

/// The cause underneath, kept for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call failed. The store stays valid whatever is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// Name something that exists.
    #[error("there is no {what}")]
    NotFound { what: String },
    /// The text names nothing that can be understood: correct it.
    #[error("{what} is not acceptable: {why}")]
    Invalid { what: String, why: String },
    /// Stored bytes are not what their name says: restore them from a backup or make them again.
    #[error("`{file}` is damaged: {why}; restore it from a backup, or fetch or make it again")]
    Damaged { file: String, why: String },
    /// Bytes from outside are not the ones that were asked for: do not use that source.
    #[error(
        "`{file}` from {from} is not the published file: expected {expected}, found {found}; the source was changed or the download was cut short, so nothing was kept"
    )]
    WrongDigest { file: String, from: String, expected: Digest, found: Digest },
    /// Something from outside is malformed, hostile or beyond a limit: do not use that source.
    #[error("{what} was refused: {why}")]
    Refused { what: String, why: String },
    /// The disk has no room: free some, then retry.
    #[error("there is no space left to write `{}`; free some space, then retry", path.display())]
    NoSpace { path: PathBuf },
    /// Somebody is storing an artifact: wait until that is done, then retry.
    #[error("the artifact store is being written; try again when that is done")]
    Busy,
    /// A server does not answer: check the network, or take another source.
    #[error("{what} cannot be reached: {why}; {remedy}")]
    Unreachable { what: String, why: String, remedy: String },
    /// A program that the source needs is missing: install it, or take another source.
    #[error("`{program}` is needed for {what} and does not run: {why}; {remedy}")]
    ToolMissing { program: String, what: String, why: String, remedy: String },
    /// A newer or foreign program wrote the store: use that program.
    #[error("the artifact store `{}` cannot be used: {why}", path.display())]
    Unsupported { path: PathBuf, why: String },
    /// The file system failed in a way that only its operator can mend.
    #[error("`{}` failed: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl ArtifactError {
    /// What a failed file operation means.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            // A quota and a limit on file sizes are a full disk to the one who writes.
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::NoSpace { path },
            _ => Self::Io { path, source },
        }
    }

    /// A failed file operation on a path, for `map_err`.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::io(path, source)
    }

    pub(crate) fn damaged(file: impl Into<String>, why: impl ToString) -> Self {
        Self::Damaged { file: file.into(), why: why.to_string() }
    }

    pub(crate) fn refused(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Refused { what: what.into(), why: why.to_string() }
    }

    pub(crate) fn invalid(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Invalid { what: what.into(), why: why.to_string() }
    }
}
