//! Columns as words of the vocabulary; what cannot be read back is damage, not a default.

use std::fmt;

use freehold_ledger::{LedgerError, Sequence};
use freehold_vocabulary::{Digest, Label, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use crate::fault::Faults;
use crate::statement::with_nul;

/// One row of an answer.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    row: Columns,
    faults: &'a Faults,
}

/// As the database gave them.
enum Columns {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Columns")
    }
}

impl<'a> Row<'a> {
    pub(crate) fn sqlite(row: SqliteRow, faults: &'a Faults) -> Self {
        Self { row: Columns::Sqlite(row), faults }
    }

    pub(crate) fn postgres(row: PgRow, faults: &'a Faults) -> Self {
        Self { row: Columns::Postgres(row), faults }
    }

    /// A column that the database itself understands.
    pub(crate) fn get<T>(&self, column: &str) -> Result<T, LedgerError>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        let value = match &self.row {
            Columns::Sqlite(row) => row.try_get(column),
            Columns::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| self.faults.sql(error))
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, LedgerError> {
        let text = self.get(column)?;
        Ok(match self.row {
            Columns::Sqlite(_) => text,
            Columns::Postgres(_) => with_nul(text),
        })
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, LedgerError> {
        let text: Option<String> = self.get(column)?;
        text.map(|_| self.text(column)).transpose()
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

    pub(crate) fn maybe_parsed<T, E: std::fmt::Display>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, LedgerError> {
        self.maybe_text(column)?.map(|_| self.parsed(column, parse)).transpose()
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
        self.maybe_text(column)?.map(|_| self.digest(column)).transpose()
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
