//! The schema, one file per step.
//!
//! All pending steps run in one exclusive transaction that also counts them, so two processes that
//! open a new ledger at once cannot both create it, and a crash half-way leaves none of it. (The
//! migrator of sqlx takes no lock on SQLite.) A step has a form for each database with the same
//! tables and columns; a test compares them.

use freehold_ledger::LedgerError;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::fault::Faults;

/// One change of the schema.
struct Step {
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! step {
    ($name:literal) => {
        Step {
            sqlite: include_str!(concat!("../migrations/", $name)),
            postgres: include_str!(concat!("../migrations/postgres/", $name)),
        }
    };
}

/// Every step in order. A released one is never edited.
const STEPS: &[Step] = &[
    step!("0001_the_first_tables.sql"),
    step!("0002_the_audit_log.sql"),
    step!("0003_accounts_and_limits.sql"),
];

/// Marks the files of this program (`PRAGMA application_id`): "FRHD".
const APPLICATION_ID: i64 = 0x4652_4844;

/// Brings the schema of a file up to date.
pub(crate) async fn sqlite(
    connection: &mut SqliteConnection,
    faults: &Faults,
) -> Result<(), LedgerError> {
    if found_in_file(connection, faults).await? == STEPS.len() {
        return Ok(());
    }
    let sql = |error| faults.sql(error);
    let mut transaction = connection.begin_with("begin immediate").await.map_err(sql)?;
    // Another process may have been here while this one waited for the lock.
    let found = found_in_file(&mut transaction, faults).await?;
    for step in &STEPS[found..] {
        sqlx::raw_sql(step.sqlite).execute(&mut *transaction).await.map_err(sql)?;
    }
    let marks =
        format!("pragma application_id = {APPLICATION_ID}; pragma user_version = {}", STEPS.len());
    sqlx::raw_sql(AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(sql)?;
    transaction.commit().await.map_err(sql)
}

/// How many steps the file has seen, after making sure that it is one of ours and not from the
/// future.
async fn found_in_file(
    connection: &mut SqliteConnection,
    faults: &Faults,
) -> Result<usize, LedgerError> {
    let sql = |error| faults.sql(error);
    let (version,): (i64,) =
        sqlx::query_as("pragma user_version").fetch_one(&mut *connection).await.map_err(sql)?;
    let (application,): (i64,) =
        sqlx::query_as("pragma application_id").fetch_one(&mut *connection).await.map_err(sql)?;
    let (tables,): (i64,) = sqlx::query_as("select count(*) from sqlite_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(sql)?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(foreign(faults, "choose another path"));
    }
    known(version, faults)
}

/// Brings the schema of a server's database up to date. The steps are counted in
/// `freehold_schema`.
pub(crate) async fn postgres(
    connection: &mut PgConnection,
    faults: &Faults,
) -> Result<(), LedgerError> {
    if found_on_server(connection, faults).await? == STEPS.len() {
        return Ok(());
    }
    let sql = |error| faults.sql(error);
    let begin = "begin; select pg_advisory_xact_lock(1179797572)";
    let mut transaction = connection.begin_with(begin).await.map_err(sql)?;
    // Another process may have been here while this one waited for the lock.
    let found = found_on_server(&mut transaction, faults).await?;
    for step in &STEPS[found..] {
        sqlx::raw_sql(step.postgres).execute(&mut *transaction).await.map_err(sql)?;
    }
    let marks = format!(
        "create table if not exists freehold_schema (version bigint not null);
         delete from freehold_schema; insert into freehold_schema values ({})",
        STEPS.len()
    );
    sqlx::raw_sql(AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(sql)?;
    transaction.commit().await.map_err(sql)
}

async fn found_on_server(
    connection: &mut PgConnection,
    faults: &Faults,
) -> Result<usize, LedgerError> {
    let sql = |error| faults.sql(error);
    let (tables, marked): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where table_name = 'freehold_schema')
         from information_schema.tables
         where table_schema = current_schema() and table_type = 'BASE TABLE'",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(sql)?;
    match (tables, marked) {
        (0, _) => return Ok(0),
        (_, 0) => return Err(foreign(faults, "create a database for this ledger")),
        _ => {}
    }
    let (version,): (i64,) = sqlx::query_as("select version from freehold_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(sql)?;
    known(version, faults)
}

fn foreign(faults: &Faults, remedy: &str) -> LedgerError {
    let why = format!("it is a database of another program; {remedy}");
    LedgerError::Unsupported { url: faults.ledger().to_owned(), why }
}

/// A number of steps that this release knows.
fn known(version: i64, faults: &Faults) -> Result<usize, LedgerError> {
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
        let digests = |text: fn(&Step) -> &'static str| -> Vec<String> {
            STEPS.iter().map(|step| Digest::of(text(step)).short().to_owned()).collect()
        };
        assert_eq!(digests(|it| it.sqlite), ["0a8f5a1b3491", "797a8e1bb1bc", "eabd3fa975fe"]);
        assert_eq!(digests(|it| it.postgres), ["ab63bdda73a2", "fb19d5419782", "685b23950670"]);
    }
}
