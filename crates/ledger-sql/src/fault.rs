//! What a failure of the database means to the caller.

use std::sync::Arc;

use freehold_ledger::{BoxError, LedgerError};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

/// Turns failures into errors that name the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    ledger: Arc<str>,
}

// The primary result codes of SQLite (sqlite.org/rescode.html) that callers can act upon.
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const NOT_A_DATABASE: u32 = 26;

impl Faults {
    pub(crate) fn of(ledger: &str) -> Self {
        Self { ledger: ledger.into() }
    }

    /// What a failed statement means.
    pub(crate) fn sql(&self, error: sqlx::Error) -> LedgerError {
        match &error {
            sqlx::Error::PoolTimedOut if self.is_server() => self.unreachable(error),
            sqlx::Error::PoolTimedOut => LedgerError::Busy,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed
                if self.is_server() =>
            {
                self.unreachable(error)
            }
            sqlx::Error::Database(cause) => match cause.try_downcast_ref::<PgDatabaseError>() {
                Some(cause) => self.postgres(cause),
                None => self.sqlite(cause.as_ref()),
            }
            .unwrap_or_else(|| self.broken(error)),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => {
                self.corrupt(error.to_string())
            }
            _ => self.broken(error),
        }
    }

    fn sqlite(&self, cause: &dyn DatabaseError) -> Option<LedgerError> {
        // The low byte of an extended code is its primary one.
        match cause.code()?.parse::<u32>().ok()? & 0xff {
            BUSY | LOCKED => Some(LedgerError::Busy),
            FULL => Some(LedgerError::Full { ledger: self.ledger.to_string() }),
            CORRUPT | NOT_A_DATABASE => Some(self.corrupt(cause.message().to_owned())),
            _ => None,
        }
    }

    /// By the codes of PostgreSQL (appendix A of its manual) that callers can act upon.
    fn postgres(&self, cause: &PgDatabaseError) -> Option<LedgerError> {
        match cause.code() {
            // Serialisation failure, deadlock, a lock that was not free in time.
            "40001" | "40P01" | "55P03" => Some(LedgerError::Busy),
            "53100" => Some(LedgerError::Full { ledger: self.ledger.to_string() }),
            "XX001" | "XX002" => Some(self.corrupt(cause.message().to_owned())),
            // Refused at the door: a wrong password, no such role, no such database.
            "28000" | "28P01" | "3D000" => Some(LedgerError::Unsupported {
                url: self.ledger.to_string(),
                why: cause.message().to_owned(),
            }),
            // Starting, stopping, crashed, out of connections, or the connection broke.
            "57P01" | "57P02" | "57P03" | "53300" | "08000" | "08003" | "08006" => {
                Some(self.unreachable(cause.message().to_owned()))
            }
            _ => None,
        }
    }

    /// The stored bytes make no sense.
    pub(crate) fn corrupt(&self, why: String) -> LedgerError {
        LedgerError::Corrupt { ledger: self.ledger.to_string(), why }
    }

    /// The storage failed.
    pub(crate) fn broken(&self, source: impl Into<BoxError>) -> LedgerError {
        LedgerError::Broken { ledger: self.ledger.to_string(), source: source.into() }
    }

    fn unreachable(&self, source: impl Into<BoxError>) -> LedgerError {
        LedgerError::Unreachable { ledger: self.ledger.to_string(), source: source.into() }
    }

    /// The name of the ledger in messages.
    pub(crate) fn ledger(&self) -> &str {
        &self.ledger
    }

    fn is_server(&self) -> bool {
        self.ledger.starts_with("postgres")
    }
}
