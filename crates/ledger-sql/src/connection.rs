//! The database file: opening, reading, writing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freehold_ledger::{LedgerError, ReviewItem};
use freehold_vocabulary::audit::AuditDraft;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use crate::fault::Faults;
use crate::group::Group;
use crate::migrations;
use crate::row::Row;
use crate::url::{self, Place};

/// How long a writer waits for another process before it says `Busy`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers do not wait for the writer in WAL mode; four saturate the machines this runs on.
const READERS: u32 = 4;
/// Files up to this size are checked whole when they are opened; that takes well under a second.
/// Larger ones only when [`SqlLedger::check`] is asked for.
const CHECKED_BYTES_MAX: u64 = 64 << 20;

pub(crate) type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// A ledger in a SQLite database.
#[derive(Debug, Clone)]
pub struct SqlLedger {
    writer: SqlitePool,
    readers: SqlitePool,
    pub(crate) faults: Faults,
    pub(crate) reviews: Arc<Group<ReviewItem>>,
    pub(crate) audits: Arc<Group<AuditDraft>>,
}

impl SqlLedger {
    /// Opens the ledger of a URL and brings its schema up to date. `sqlite:PATH` makes the file,
    /// readable only by its owner, and its folders; `sqlite::memory:` is a ledger that nobody else
    /// sees and that is gone with this object.
    ///
    /// # Errors
    /// `Unsupported` for another kind of URL or a database of another program, `TooNew` for a
    /// ledger of a newer release, `Corrupt` for a damaged file, `Busy`, `Full` or `Broken` when
    /// the disk does not play along.
    pub async fn open(url: &str) -> Result<Arc<Self>, LedgerError> {
        let faults = Faults::of(url);
        let ledger = match url::parse(url)? {
            Place::Memory => Self::in_memory(faults).await?,
            Place::File(path) => Self::in_file(&path, faults).await?,
        };
        let mut connection =
            ledger.writer.acquire().await.map_err(|error| ledger.faults.sql(error))?;
        migrations::run(&mut connection, &ledger.faults).await?;
        drop(connection);
        Ok(Arc::new(ledger))
    }

    /// Reads the whole file and compares tables with indices.
    ///
    /// # Errors
    /// `Corrupt` with the first thing that is wrong.
    pub async fn check(&self) -> Result<(), LedgerError> {
        let verdict = self.reading(sqlx::query("pragma integrity_check(1)")).await?;
        let verdict = verdict.first().map(|row| row.text("integrity_check")).transpose()?;
        match verdict.as_deref() {
            Some("ok") => Ok(()),
            other => Err(self.faults.corrupt(other.unwrap_or("no verdict").to_owned())),
        }
    }

    /// Waits for calls under way and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    fn of(writer: SqlitePool, readers: SqlitePool, faults: Faults) -> Self {
        Self { writer, readers, faults, reviews: Arc::default(), audits: Arc::default() }
    }

    async fn in_memory(faults: Faults) -> Result<Self, LedgerError> {
        // The database lives in its one connection, which therefore must never be retired.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(SqliteConnectOptions::new().in_memory(true).foreign_keys(true))
            .await
            .map_err(|error| faults.sql(error))?;
        Ok(Self::of(pool.clone(), pool, faults))
    }

    async fn in_file(path: &Path, faults: Faults) -> Result<Self, LedgerError> {
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
        let ledger = Self::of(writer, readers, faults);
        ledger.greet(bytes).await?;
        Ok(ledger)
    }

    /// The first contact with the file.
    async fn greet(&self, bytes: u64) -> Result<(), LedgerError> {
        // Switching an empty file to WAL takes a lock that SQLite does not wait for, so when many
        // processes create the ledger at once, all but one have to try again.
        let mut tries_left = 100;
        let mut connection = loop {
            match self.writer.acquire().await.map_err(|error| self.faults.sql(error)) {
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
            .map_err(|error| self.faults.sql(error))?;
        if verdict == "ok" { Ok(()) } else { Err(self.faults.corrupt(verdict)) }
    }

    /// All rows of a question.
    pub(crate) async fn reading(&self, query: Query<'_>) -> Result<Vec<Row<'_>>, LedgerError> {
        let rows = query.fetch_all(&self.readers).await.map_err(|error| self.faults.sql(error))?;
        Ok(rows.into_iter().map(|row| Row::new(row, &self.faults)).collect())
    }

    /// The only row of a question, if there is one.
    pub(crate) async fn reading_one(
        &self,
        query: Query<'_>,
    ) -> Result<Option<Row<'_>>, LedgerError> {
        let row: Option<SqliteRow> =
            query.fetch_optional(&self.readers).await.map_err(|error| self.faults.sql(error))?;
        Ok(row.map(|row| Row::new(row, &self.faults)))
    }

    /// Begins a change. Dropping it without [`Writing::commit`] leaves everything as it was.
    pub(crate) async fn writing(&self) -> Result<Writing<'_>, LedgerError> {
        let transaction = self
            .writer
            .begin_with("begin immediate")
            .await
            .map_err(|error| self.faults.sql(error))?;
        Ok(Writing { transaction, faults: &self.faults })
    }
}

/// A change in the making; it holds the only writer.
pub(crate) struct Writing<'a> {
    transaction: Transaction<'static, Sqlite>,
    faults: &'a Faults,
}

impl<'a> Writing<'a> {
    /// The only row of a question, if there is one.
    pub(crate) async fn one(&mut self, query: Query<'_>) -> Result<Option<Row<'a>>, LedgerError> {
        let row = query
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(|error| self.faults.sql(error))?;
        Ok(row.map(|row| Row::new(row, self.faults)))
    }

    /// Executes a statement; returns the row id of the last row that it inserted.
    pub(crate) async fn run(&mut self, query: Query<'_>) -> Result<i64, LedgerError> {
        let done =
            query.execute(&mut *self.transaction).await.map_err(|error| self.faults.sql(error))?;
        Ok(done.last_insert_rowid())
    }

    /// Makes the change durable.
    pub(crate) async fn commit(self) -> Result<(), LedgerError> {
        self.transaction.commit().await.map_err(|error| self.faults.sql(error))
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
    use freehold_ledger::{DatasetRepository, NamedDataset};
    use freehold_vocabulary::{DatasetName, Digest, Timestamp};

    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_called_a_full_disk_and_keeps_what_was_there() {
        let folder = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let ledger = SqlLedger::open(&url).await.unwrap();
        // SQLite reports its own page limit with the same code as a full disk.
        let limit = sqlx::query("pragma max_page_count = 40");
        limit.execute(&ledger.writer).await.unwrap();
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
