//! What a failure of SQLite means to the caller.

use std::sync::Arc;

use freehold_ledger::{BoxError, LedgerError};

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
            sqlx::Error::PoolTimedOut => LedgerError::Busy,
            sqlx::Error::Database(cause) => match primary_code(cause.as_ref()) {
                Some(BUSY | LOCKED) => LedgerError::Busy,
                Some(FULL) => LedgerError::Full { ledger: self.ledger.to_string() },
                Some(CORRUPT | NOT_A_DATABASE) => self.corrupt(cause.message().to_owned()),
                _ => self.broken(error),
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => {
                self.corrupt(error.to_string())
            }
            _ => self.broken(error),
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

    /// The name of the ledger in messages.
    pub(crate) fn ledger(&self) -> &str {
        &self.ledger
    }
}

fn primary_code(error: &dyn sqlx::error::DatabaseError) -> Option<u32> {
    error.code()?.parse::<u32>().ok().map(|extended| extended & 0xff)
}
