//! The schema, one file per step.
//!
//! All pending steps run in one exclusive transaction and `user_version` counts them, so two
//! processes that open a new ledger at once cannot both create it, and a crash half-way leaves
//! none of it. (The migrator of sqlx takes no lock on SQLite.)

use freehold_ledger::LedgerError;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::fault::Faults;

/// Every step in order. A released one is never edited.
const STEPS: &[&str] = &[
    include_str!("../migrations/0001_the_first_tables.sql"),
    include_str!("../migrations/0002_the_audit_log.sql"),
];

/// Marks the files of this program (`PRAGMA application_id`): "FRHD".
const APPLICATION_ID: i64 = 0x4652_4844;

/// Brings the schema up to date.
pub(crate) async fn run(
    connection: &mut SqliteConnection,
    faults: &Faults,
) -> Result<(), LedgerError> {
    if found(connection, faults).await? == STEPS.len() {
        return Ok(());
    }
    let sql = |error| faults.sql(error);
    let mut transaction =
        sqlx::Connection::begin_with(connection, "begin immediate").await.map_err(sql)?;
    // Another process may have been here while this one waited for the lock.
    let found = found(&mut transaction, faults).await?;
    for step in &STEPS[found..] {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(sql)?;
    }
    let marks =
        format!("pragma application_id = {APPLICATION_ID}; pragma user_version = {}", STEPS.len());
    sqlx::raw_sql(AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(sql)?;
    transaction.commit().await.map_err(sql)
}

/// How many steps the file has seen, after making sure that it is one of ours and not from the
/// future.
async fn found(connection: &mut SqliteConnection, faults: &Faults) -> Result<usize, LedgerError> {
    let sql = |error| faults.sql(error);
    let (version,): (i64,) =
        sqlx::query_as("pragma user_version").fetch_one(&mut *connection).await.map_err(sql)?;
    let (application,): (i64,) =
        sqlx::query_as("pragma application_id").fetch_one(&mut *connection).await.map_err(sql)?;
    let (tables,): (i64,) = sqlx::query_as("select count(*) from sqlite_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(sql)?;
    let foreign = tables > 0 && application != APPLICATION_ID;
    if foreign {
        let why = "it is a database of another program; choose another path".to_owned();
        return Err(LedgerError::Unsupported { url: faults.ledger().to_owned(), why });
    }
    let known = STEPS.len() as i64;
    if version > known {
        let ledger = faults.ledger().to_owned();
        return Err(LedgerError::TooNew { ledger, found: version, known });
    }
    usize::try_from(version).map_err(|_| faults.corrupt(format!("its schema version is {version}")))
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::Digest;

    use super::*;

    #[test]
    fn released_steps_are_as_they_were_released() {
        let digests: Vec<String> =
            STEPS.iter().map(|step| Digest::of(step).short().to_owned()).collect();
        assert_eq!(digests, ["0a8f5a1b3491", "797a8e1bb1bc"]);
    }
}
