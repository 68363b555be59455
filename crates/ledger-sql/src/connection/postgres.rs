//! A PostgreSQL server: a pool, and whose turn it is to write.
//!
//! Changes of one kind come one after the other, whichever process they come from: an advisory lock
//! stands for the lock of SQLite's file, so what was proven there about order holds here. It is
//! released by the commit, and by the server when a process dies.

use std::str::FromStr as _;
use std::time::Duration;

use freehold_ledger::LedgerError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction};

use super::Turn;
use crate::fault::Faults;

/// Readers, and one writer of each kind, with some to spare.
const CONNECTIONS: u32 = 8;
/// How long a call waits for a connection, before it says that the server does not answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one statement may take: a network that swallows packets reports no error.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// The connections to one server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pool: PgPool,
}

impl Server {
    /// Connects when it is first needed.
    pub(super) fn of(url: &str, faults: &Faults) -> Result<Self, LedgerError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| {
            let (url, why) = (faults.ledger().to_owned(), error.to_string());
            LedgerError::Unsupported { url, why }
        })?;
        let options = options.application_name("freehold");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(super) async fn connection(
        &self,
        faults: &Faults,
    ) -> Result<PoolConnection<Postgres>, LedgerError> {
        self.pool.acquire().await.map_err(|error| faults.sql(error))
    }

    /// Begins a transaction that has its turn, in one message to the server.
    pub(super) async fn begin(
        &self,
        turn: Turn,
        faults: &Faults,
    ) -> Result<Transaction<'static, Postgres>, LedgerError> {
        // The locks are numbered from "FRHD". A process that dies in the middle of a use of limits
        // gives it back, so that change alone need not wait for the disk.
        let begin = match turn {
            Turn::Facts => {
                "begin; set local lock_timeout = '10s'; select pg_advisory_xact_lock(1179797572)"
            }
            Turn::Use => {
                "begin; set local lock_timeout = '10s'; set local synchronous_commit = off; select pg_advisory_xact_lock(1179797573)"
            }
        };
        self.bounded(self.pool.begin_with(begin)).await.map_err(|error| faults.sql(error))
    }

    /// Waits no longer than a statement may take.
    pub(super) async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        match tokio::time::timeout(ANSWER_TIMEOUT, work).await {
            Ok(done) => done,
            Err(_elapsed) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}
