//! Columns as words of the vocabulary; what cannot be read back is damage, not a default.

use freehold_ledger::{LedgerError, Sequence};
use freehold_vocabulary::{Digest, Label, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Sqlite, Type};

use crate::fault::Faults;

/// One row of an answer.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    row: SqliteRow,
    faults: &'a Faults,
}

impl<'a> Row<'a> {
    pub(crate) fn new(row: SqliteRow, faults: &'a Faults) -> Self {
        Self { row, faults }
    }

    /// A column that SQLite itself understands.
    pub(crate) fn get<T>(&self, column: &str) -> Result<T, LedgerError>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
    {
        self.row.try_get(column).map_err(|error| self.faults.sql(error))
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, LedgerError> {
        self.get(column)
    }

    /// A column whose text is a word of the vocabulary.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, LedgerError> {
        let text = self.text(column)?;
        parse(&text).map_err(|error| self.faults.corrupt(format!("column `{column}`: {error}")))
    }

    /// A column whose text is one of a few words.
    pub(crate) fn word<T>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, LedgerError> {
        self.parsed(column, |text| parse(text).ok_or(format!("`{text}` is not a known word")))
    }

    /// A column whose number is a word of the vocabulary.
    pub(crate) fn number<T, E: std::fmt::Display>(
        &self,
        column: &str,
        parse: impl FnOnce(f64) -> Result<T, E>,
    ) -> Result<T, LedgerError> {
        let number: f64 = self.get(column)?;
        parse(number).map_err(|error| self.faults.corrupt(format!("column `{column}`: {error}")))
    }

    pub(crate) fn digest(&self, column: &str) -> Result<Digest, LedgerError> {
        self.parsed(column, Digest::parse)
    }

    pub(crate) fn maybe_digest(&self, column: &str) -> Result<Option<Digest>, LedgerError> {
        let text: Option<String> = self.get(column)?;
        text.map(|_| self.digest(column)).transpose()
    }

    pub(crate) fn time(&self, column: &str) -> Result<Timestamp, LedgerError> {
        self.get(column).map(Timestamp::from_micros)
    }

    pub(crate) fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, LedgerError> {
        let micros: Option<i64> = self.get(column)?;
        Ok(micros.map(Timestamp::from_micros))
    }

    pub(crate) fn sequence(&self, column: &str) -> Result<Sequence, LedgerError> {
        self.get(column).map(Sequence)
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(
        &self,
        column: &str,
    ) -> Result<T, LedgerError> {
        self.parsed(column, |text| serde_json::from_str(text))
    }

    pub(crate) fn labels(&self, column: &str) -> Result<Vec<Label>, LedgerError> {
        self.json(column)
    }
}

/// The JSON of a value whose keys are strings and whose numbers were checked.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("rows have string keys and finite numbers")
}
