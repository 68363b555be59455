//! A SQLite file: one connection writes, a few read.
//!
//! SQLite lets one writer in at a time anyway, and a queue in this process is fairer than its lock.

use std::path::Path;
use std::time::Duration;

use freehold_ledger::LedgerError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use crate::fault::Faults;

/// How long a writer waits for another process before it says `Busy`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers do not wait for the writer in WAL mode; four saturate the machines this runs on.
const READERS: u32 = 4;
/// Files up to this size are checked whole when they are opened; that takes well under a second.
/// Larger ones only when `SqlLedger::check` is asked for.
const CHECKED_BYTES_MAX: u64 = 64 << 20;

/// The connections to one file.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Pools {
    pub(super) async fn in_memory(faults: &Faults) -> Result<Self, LedgerError> {
        // The database lives in its one connection, which therefore must never be retired.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(SqliteConnectOptions::new().in_memory(true).foreign_keys(true))
            .await
            .map_err(|error| faults.sql(error))?;
        Ok(Self { writer: pool.clone(), readers: pool })
    }

    pub(super) async fn in_file(path: &Path, faults: &Faults) -> Result<Self, LedgerError> {
        let bytes = make_file(path).map_err(|error| {
            let message = format!("`{}` cannot be opened for writing: {error}", path.display());
            faults.broken(std::io::Error::new(error.kind(), message))
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(BUSY_TIMEOUT * 3)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_lazy_with(options.clone());
        let readers = pool(READERS).connect_lazy_with(options);
        let pools = Self { writer, readers };
        pools.greet(bytes, faults).await?;
        Ok(pools)
    }

    /// The first contact with the file.
    async fn greet(&self, bytes: u64, faults: &Faults) -> Result<(), LedgerError> {
        // Switching an empty file to WAL takes a lock that SQLite does not wait for, so when many
        // processes create the ledger at once, all but one have to try again.
        let mut tries_left = 100;
        let mut connection = loop {
            match self.writer(faults).await {
                Err(LedgerError::Busy) if tries_left > 0 => {
                    tries_left -= 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                outcome => break outcome?,
            }
        };
        if bytes > CHECKED_BYTES_MAX {
            return Ok(());
        }
        let (verdict,): (String,) = sqlx::query_as("pragma quick_check(1)")
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| faults.sql(error))?;
        if verdict == "ok" { Ok(()) } else { Err(faults.corrupt(verdict)) }
    }

    /// The only connection that writes.
    pub(super) async fn writer(
        &self,
        faults: &Faults,
    ) -> Result<PoolConnection<Sqlite>, LedgerError> {
        self.writer.acquire().await.map_err(|error| faults.sql(error))
    }

    pub(super) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(super) async fn begin(
        &self,
        faults: &Faults,
    ) -> Result<Transaction<'static, Sqlite>, LedgerError> {
        self.writer.begin_with("begin immediate").await.map_err(|error| faults.sql(error))
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes sure that the file is there, can be written and belongs to its owner alone; returns its
/// length. SQLite gives its side files the same permissions.
fn make_file(path: &Path) -> std::io::Result<u64> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let bytes = options.open(path)?.metadata()?.len();
    #[cfg(unix)]
    if bytes == 0 {
        // A new name is only durable once its folder is.
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use freehold_ledger::LedgerError;
    use freehold_ledger::{DatasetRepository, NamedDataset};
    use freehold_vocabulary::{DatasetName, Digest, Timestamp};

    use crate::SqlLedger;
    use crate::connection::Database;

    #[tokio::test]
    async fn a_full_disk_is_called_a_full_disk_and_keeps_what_was_there() {
        let folder = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let ledger = SqlLedger::open(&url).await.unwrap();
        // SQLite reports its own page limit with the same code as a full disk.
        let limit = sqlx::query("pragma max_page_count = 40");
        let Database::Sqlite(pools) = &ledger.database else { panic!("it is a file") };
        limit.execute(&pools.writer).await.unwrap();
        let name = DatasetName::parse("tickets").unwrap();
        let mut kept = 0;
        let error = loop {
            let digest = Digest::of(format!("{kept}"));
            let at = Timestamp::from_micros(kept);
            match ledger.name_dataset(&NamedDataset { name: name.clone(), digest, at }).await {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, LedgerError::Full { .. }), "{error:?}");
        assert_eq!(ledger.dataset_history(&name).await.unwrap().len() as i64, kept);
        ledger.check().await.unwrap();
    }
}
