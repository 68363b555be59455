//! A statement with its values, before it is known which database executes it.
//!
//! SQL is written once, with `?` for values, in what SQLite and PostgreSQL both understand. Where
//! they differ a statement carries both forms. Values are typed also when they are null, because
//! PostgreSQL refuses a null of another type.

use std::fmt::Write as _;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

/// A statement that can be executed once.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    sqlite: &'static str,
    postgres: &'static str,
    values: Vec<Value>,
}

/// A value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Real(f64),
}

/// A statement that both databases understand.
pub(crate) fn query(sql: &'static str) -> Query {
    either(sql, sql)
}

/// A statement that has to be said differently.
pub(crate) fn either(sqlite: &'static str, postgres: &'static str) -> Query {
    Query { sqlite, postgres, values: Vec::new() }
}

impl Query {
    /// With the value of the next `?`.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// For SQLite.
    pub(crate) fn sqlite(self) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
        self.values.into_iter().fold(sqlx::query(self.sqlite), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(number) => query.bind(number),
            Value::Real(number) => query.bind(number),
        })
    }

    /// For PostgreSQL.
    pub(crate) fn postgres(self) -> sqlx::query::Query<'static, Postgres, PgArguments> {
        // Every statement is written in this crate; no text from outside is part of one.
        let query = sqlx::query(AssertSqlSafe(numbered(self.postgres)));
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text.map(without_nul)),
            Value::Integer(number) => query.bind(number),
            Value::Real(number) => query.bind(number),
        })
    }
}

/// Begins a text that is written otherwise than it is, and every replacement in it. No character,
/// so that texts of people do not begin with it.
const MARK: char = '\u{10FFFF}';

/// A text as PostgreSQL can keep it, which knows no U+0000. Equal texts stay equal.
fn without_nul(text: String) -> String {
    if !text.contains('\0') && !text.starts_with(MARK) {
        return text;
    }
    let mut kept = String::from(MARK);
    for it in text.chars() {
        match it {
            '\0' => kept.extend([MARK, '0']),
            MARK => kept.extend([MARK, '1']),
            _ => kept.push(it),
        }
    }
    kept
}

/// The text that [`without_nul`] wrote.
pub(crate) fn with_nul(kept: String) -> String {
    let Some(body) = kept.strip_prefix(MARK) else { return kept };
    let mut text = String::with_capacity(body.len());
    let mut rest = body.chars();
    while let Some(it) = rest.next() {
        match it {
            MARK if rest.next() == Some('0') => text.push('\0'),
            other => text.push(other),
        }
    }
    text
}

/// `?` as `$1`, `$2` and so on. No statement has a question mark in a literal.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 8);
    for (place, part) in sql.split('?').enumerate() {
        if place > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "${place}");
        }
        text.push_str(part);
    }
    text
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(Some(number.into()))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_in_their_order() {
        assert_eq!(numbered("select ? where a = ? limit ?"), "select $1 where a = $2 limit $3");
        assert_eq!(numbered("select 1"), "select 1");
    }

    #[test]
    fn a_text_that_postgresql_cannot_keep_comes_back_as_it_was() {
        for text in ["", "plain", "a\0b", "\0", "\u{10FFFF}", "\u{10FFFF}0\0", "a\u{10FFFF}1"] {
            let kept = without_nul(text.to_owned());
            assert!(!kept.contains('\0'), "{text:?}");
            assert_eq!(with_nul(kept), text);
        }
        assert_eq!(without_nul("a\u{10FFFF}".to_owned()), "a\u{10FFFF}");
    }
}
