//! The database: opening, reading, writing, whichever it is.

mod postgres;
mod sqlite;

use std::sync::Arc;

use freehold_ledger::{LedgerError, ReviewItem};
use freehold_vocabulary::audit::AuditDraft;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::fault::Faults;
use crate::group::Group;
use crate::migrations;
use crate::row::Row;
pub(crate) use crate::statement::Query;
use crate::statement::query;
use crate::url::{self, Place};

/// A ledger in a SQL database.
#[derive(Debug, Clone)]
pub struct SqlLedger {
    database: Database,
    pub(crate) faults: Faults,
    pub(crate) reviews: Arc<Group<ReviewItem>>,
    pub(crate) audits: Arc<Group<AuditDraft>>,
}

#[derive(Debug, Clone)]
enum Database {
    Sqlite(sqlite::Pools),
    Postgres(postgres::Server),
}

/// Who waits for whom. On SQLite every change waits for every other; on PostgreSQL only those of
/// the same kind do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Facts and their audit records: one chain, in one order.
    Facts,
    /// What was used of limits.
    Use,
}

impl SqlLedger {
    /// Opens the ledger of a URL and brings its schema up to date. `sqlite:PATH` makes the file,
    /// readable only by its owner, and its folders; `sqlite::memory:` is a ledger that nobody else
    /// sees and that is gone with this object; `postgres://…` names a database that exists.
    ///
    /// # Errors
    /// `Unsupported` for another kind of URL or a database of another program, `TooNew` for a
    /// ledger of a newer release, `Corrupt` for a damaged file, `Unreachable` for a server that
    /// does not answer, `Busy`, `Full` or `Broken` when the storage does not play along.
    pub async fn open(url: &str) -> Result<Arc<Self>, LedgerError> {
        let faults = Faults::of(&url::without_secret(url));
        let database = match url::parse(url)? {
            Place::Memory => Database::Sqlite(sqlite::Pools::in_memory(&faults).await?),
            Place::File(path) => Database::Sqlite(sqlite::Pools::in_file(&path, &faults).await?),
            Place::Server => Database::Postgres(postgres::Server::of(url, &faults)?),
        };
        match &database {
            Database::Sqlite(pools) => {
                let mut writer = pools.writer(&faults).await?;
                migrations::sqlite(&mut writer, &faults).await?;
            }
            Database::Postgres(server) => {
                let mut connection = server.connection(&faults).await?;
                migrations::postgres(&mut connection, &faults).await?;
            }
        }
        let (reviews, audits) = (Arc::default(), Arc::default());
        Ok(Arc::new(Self { database, faults, reviews, audits }))
    }

    /// Reads the whole file and compares tables with indices. A server checks its own pages.
    ///
    /// # Errors
    /// `Corrupt` with the first thing that is wrong.
    pub async fn check(&self) -> Result<(), LedgerError> {
        if let Database::Postgres(_) = self.database {
            return self.reading(query("select 1")).await.map(drop);
        }
        let verdict = self.reading(query("pragma integrity_check(1)")).await?;
        let verdict = verdict.first().map(|row| row.text("integrity_check")).transpose()?;
        match verdict.as_deref() {
            Some("ok") => Ok(()),
            other => Err(self.faults.corrupt(other.unwrap_or("no verdict").to_owned())),
        }
    }

    /// Waits for calls under way and closes the database.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite(pools) => pools.close().await,
            Database::Postgres(server) => server.close().await,
        }
    }

    /// All rows of a question.
    pub(crate) async fn reading(&self, query: Query) -> Result<Vec<Row<'_>>, LedgerError> {
        match &self.database {
            Database::Sqlite(pools) => {
                let rows = query.sqlite().fetch_all(pools.readers()).await;
                let rows = rows.map_err(|error| self.faults.sql(error))?;
                Ok(rows.into_iter().map(|row| Row::sqlite(row, &self.faults)).collect())
            }
            Database::Postgres(server) => {
                let rows = server.bounded(query.postgres().fetch_all(server.pool())).await;
                let rows = rows.map_err(|error| self.faults.sql(error))?;
                Ok(rows.into_iter().map(|row| Row::postgres(row, &self.faults)).collect())
            }
        }
    }

    /// The only row of a question, if there is one.
    pub(crate) async fn reading_one(&self, query: Query) -> Result<Option<Row<'_>>, LedgerError> {
        Ok(self.reading(query).await?.into_iter().next())
    }

    /// Begins a change of facts. Dropping it without [`Writing::commit`] leaves everything as it
    /// was.
    pub(crate) async fn writing(&self) -> Result<Writing<'_>, LedgerError> {
        self.writing_in(Turn::Facts).await
    }

    /// Begins a change when it is its turn.
    pub(crate) async fn writing_in(&self, turn: Turn) -> Result<Writing<'_>, LedgerError> {
        let change = match &self.database {
            Database::Sqlite(pools) => Change::Sqlite(pools.begin(&self.faults).await?),
            Database::Postgres(server) => {
                Change::Postgres(server.begin(turn, &self.faults).await?, server)
            }
        };
        Ok(Writing { change, faults: &self.faults })
    }
}

/// A change in the making; nobody else has the turn meanwhile.
pub(crate) struct Writing<'a> {
    change: Change<'a>,
    faults: &'a Faults,
}

enum Change<'a> {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>, &'a postgres::Server),
}

impl<'a> Writing<'a> {
    /// All rows of a question.
    pub(crate) async fn all(&mut self, query: Query) -> Result<Vec<Row<'a>>, LedgerError> {
        let faults = self.faults;
        match &mut self.change {
            Change::Sqlite(transaction) => {
                let rows = query.sqlite().fetch_all(&mut **transaction).await;
                let rows = rows.map_err(|error| faults.sql(error))?;
                Ok(rows.into_iter().map(|row| Row::sqlite(row, faults)).collect())
            }
            Change::Postgres(transaction, server) => {
                let rows = query.postgres().fetch_all(&mut **transaction);
                let rows = server.bounded(rows).await.map_err(|error| faults.sql(error))?;
                Ok(rows.into_iter().map(|row| Row::postgres(row, faults)).collect())
            }
        }
    }

    /// The only row of a question, if there is one.
    pub(crate) async fn one(&mut self, query: Query) -> Result<Option<Row<'a>>, LedgerError> {
        Ok(self.all(query).await?.into_iter().next())
    }

    /// Executes a statement.
    pub(crate) async fn run(&mut self, query: Query) -> Result<(), LedgerError> {
        self.all(query).await.map(drop)
    }

    /// Inserts a row by a statement that ends in `returning sequence`.
    pub(crate) async fn numbered(&mut self, query: Query) -> Result<i64, LedgerError> {
        let row = self.one(query).await?;
        row.expect("an insert that returns its sequence has one row").get("sequence")
    }

    /// Makes the change durable.
    pub(crate) async fn commit(self) -> Result<(), LedgerError> {
        let committed = match self.change {
            Change::Sqlite(transaction) => transaction.commit().await,
            Change::Postgres(transaction, server) => server.bounded(transaction.commit()).await,
        };
        committed.map_err(|error| self.faults.sql(error))
    }
}
