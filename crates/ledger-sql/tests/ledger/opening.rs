//! Opening: again, from the future, damaged, foreign, impossible.

use std::path::PathBuf;

use freehold_ledger::{DatasetRepository, LedgerError, NamedDataset};
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::DatasetName;
use tempfile::TempDir;

use crate::{at, digest, refused, url_in};

fn path_in(folder: &TempDir) -> PathBuf {
    folder.path().join("state/ledger.db")
}

/// A closed ledger with enough rows to fill many pages.
async fn filled(folder: &TempDir) {
    let ledger = SqlLedger::open(&url_in(folder)).await.unwrap();
    let name = DatasetName::parse("tickets").unwrap();
    for number in 0..200 {
        let naming = NamedDataset {
            name: name.clone(),
            digest: digest(&number.to_string()),
            at: at(number),
        };
        ledger.name_dataset(&naming).await.unwrap();
    }
    ledger.close().await;
}

/// Executes SQL behind the ledger's back.
async fn tamper(folder: &TempDir, sql: &'static str) -> Result<(), sqlx::Error> {
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(path_in(folder)).create_if_missing(true);
    let pool = sqlx::sqlite::SqlitePool::connect_with(options).await?;
    sqlx::raw_sql(sql).execute(&pool).await?;
    pool.close().await;
    Ok(())
}

#[tokio::test]
async fn reopening_finds_everything() {
    let folder = TempDir::new().unwrap();
    filled(&folder).await;
    let ledger = SqlLedger::open(&url_in(&folder)).await.unwrap();
    let name = DatasetName::parse("tickets").unwrap();
    assert_eq!(ledger.dataset_history(&name).await.unwrap().len(), 200);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    filled(&folder).await;
    let mode = std::fs::metadata(path_in(&folder)).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[tokio::test]
async fn a_ledger_of_a_newer_release_is_refused() {
    let folder = TempDir::new().unwrap();
    filled(&folder).await;
    tamper(&folder, "pragma user_version = 999").await.unwrap();
    let message = refused!(TooNew, SqlLedger::open(&url_in(&folder)).await);
    assert!(message.contains("newer release") && message.contains("999"), "{message}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    tamper(&folder, "create table bookmarks (url text)").await.unwrap();
    let message = refused!(Unsupported, SqlLedger::open(&url_in(&folder)).await);
    assert!(message.contains("another program"), "{message}");
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    filled(&folder).await;
    let whole = std::fs::read(path_in(&folder)).unwrap();
    let page = 4096;
    let mut zeroed_page = whole.clone();
    zeroed_page[3 * page..4 * page].fill(0);
    let mut torn_header = whole.clone();
    torn_header[..16].copy_from_slice(b"not a database!!");
    let truncated = whole[..whole.len() / 2].to_vec();
    let text = b"tickets,label\n".repeat(500);
    for damaged in [zeroed_page, torn_header, truncated, text] {
        std::fs::write(path_in(&folder), &damaged).unwrap();
        let message = refused!(Corrupt, SqlLedger::open(&url_in(&folder)).await);
        assert!(message.contains("restore a backup"), "{message}");
        assert!(std::fs::read(path_in(&folder)).unwrap() == damaged, "{message}");
    }
}

#[tokio::test]
async fn the_history_of_aliases_cannot_be_rewritten() {
    let folder = TempDir::new().unwrap();
    filled(&folder).await;
    tamper(
        &folder,
        "insert into alias_move (task, alias, at, by, why, gate) values ('a', 'b', 1, '', '', '1')",
    )
    .await
    .unwrap();
    for sql in ["delete from alias_move", "update alias_move set why = 'because'"] {
        let error = tamper(&folder, sql).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("state"), "a file where a folder should be").unwrap();
    let Err(error) = SqlLedger::open(&url_in(&folder)).await else { panic!("it opened") };
    assert!(matches!(error, LedgerError::Broken { .. }), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("ledger.db"), "{cause}");
}
