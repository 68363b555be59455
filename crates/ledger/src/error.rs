//! Why the ledger did not do what it was asked, split by what the caller can do about it.

/// The cause underneath, kept for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call failed; nothing has changed when one is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another writer holds the ledger: the same call may succeed a moment later.
    #[error("the ledger is busy with another writer; retry shortly")]
    Busy,
    /// The world has moved since the caller looked: read again, then decide.
    #[error("{what} was changed by someone else: {why}; look again, then decide")]
    Conflict { what: String, why: String },
    /// The call changes something that does not exist.
    #[error("there is no {what}")]
    Missing { what: String },
    /// The caller's value is outside the limits: correct it.
    #[error("{what} is not acceptable: {why}")]
    Invalid { what: &'static str, why: String },
    /// The disk has no room: free some, then retry.
    #[error("the ledger `{ledger}` cannot grow because the disk is full; free space, then retry")]
    Full { ledger: String },
    /// The URL names no ledger that this build can open: change the URL.
    #[error("the ledger `{url}` cannot be opened: {why}")]
    Unsupported { url: String, why: String },
    /// A newer release wrote the ledger: use that release.
    #[error(
        "the ledger `{ledger}` was written by a newer release of freehold (schema {found}, this release knows {known}); use that release or restore a backup"
    )]
    TooNew { ledger: String, found: i64, known: i64 },
    /// The stored bytes are damaged: restore a backup.
    #[error("the ledger `{ledger}` is damaged: {why}; restore a backup")]
    Corrupt { ledger: String, why: String },
    /// The server that keeps the ledger does not answer: the same call succeeds once it does.
    #[error("the ledger `{ledger}` cannot be reached")]
    Unreachable {
        ledger: String,
        #[source]
        source: BoxError,
    },
    /// The storage failed in a way that only its operator can mend.
    #[error("the ledger `{ledger}` failed")]
    Broken {
        ledger: String,
        #[source]
        source: BoxError,
    },
}

/// Longest free text that explains something, in bytes: a reason, a name of a person.
pub(crate) const REMARK_BYTES_MAX: usize = 4096;

/// Refuses a text beyond a limit, so that every adapter refuses the same ones.
pub(crate) fn within(
    what: &'static str,
    bytes: usize,
    bytes_max: usize,
) -> Result<(), LedgerError> {
    if bytes <= bytes_max {
        Ok(())
    } else {
        Err(LedgerError::Invalid {
            what,
            why: format!("it has {bytes} bytes, at most {bytes_max} are kept"),
        })
    }
}
