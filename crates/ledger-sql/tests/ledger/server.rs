//! What only a server can show: one schema on both databases, other programs, and going away.

use std::collections::BTreeSet;

use freehold_ledger::{AliasRepository, AuditRepository, KeyRepository, LedgerError, Limit};
use freehold_ledger_sql::SqlLedger;
use tempfile::TempDir;

use crate::audit::{key, promotion};
use crate::postgres::Postgres;
use crate::{at, digest, on_server, refused, url_in};

/// Executes SQL behind the ledger's back.
fn behind_its_back(url: &str, sql: &str) -> Result<(), String> {
    let (_, name) = url.rsplit_once('/').unwrap();
    Postgres::shared().execute(name, sql)
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let folder = TempDir::new().unwrap();
    let (file, server) = (url_in(&folder), on_server());
    for url in [&file, &server] {
        SqlLedger::open(url).await.unwrap().close().await;
    }
    let path = folder.path().join("state/ledger.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let pool = sqlx::sqlite::SqlitePool::connect_with(options).await.unwrap();
    let of_file: Vec<(String, String)> = sqlx::query_as(
        "select t.name, c.name from sqlite_schema t, pragma_table_xinfo(t.name) c
         where t.type = 'table' and t.name not like 'sqlite_%'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let pool = sqlx::postgres::PgPool::connect(&server).await.unwrap();
    // SQLite has `rowid` of itself, and counts its steps in the head of the file.
    let of_server: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, column_name::text from information_schema.columns
         where table_schema = 'public' and column_name <> 'rowid' and table_name <> 'freehold_schema'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(of_file.len() > 40);
    assert_eq!(BTreeSet::from_iter(of_file), BTreeSet::from_iter(of_server));
}

#[tokio::test]
async fn what_was_decided_stays_decided() {
    let url = on_server();
    let ledger = SqlLedger::open(&url).await.unwrap();
    ledger.move_alias(&promotion("one", serde_json::json!(1))).await.unwrap();
    for sql in [
        "delete from alias_move",
        "update alias_move set why = 'because'",
        "truncate alias_move",
        "delete from audit_record",
        "update audit_record set record = '{}'",
        "truncate audit_record",
    ] {
        let complaint = behind_its_back(&url, sql).unwrap_err();
        assert!(complaint.contains("append-only"), "{sql}: {complaint}");
    }
}

#[tokio::test]
async fn an_act_behind_the_ledgers_back_is_found_on_a_server_too() {
    let url = on_server();
    let ledger = SqlLedger::open(&url).await.unwrap();
    for name in ["one", "two"] {
        ledger.move_alias(&promotion(name, serde_json::json!(1))).await.unwrap();
        ledger.add_key(&key(name), "ada").await.unwrap();
    }
    ledger.revoke_key(&key("two").name, "ada", at(7)).await.unwrap();
    assert!(ledger.unrecorded_acts(Limit::PAGE).await.unwrap().is_empty());
    let cases = [
        (
            "insert into alias_move (task, alias, target, at, by, why, gate)
             values ('tickets', 'champion', 'sha256:evil', 1, 'ada', 'better', '1')",
            "move 3 of alias `tickets@champion`",
        ),
        (
            "insert into api_key (name, hash, prefix, created_at) values ('evil', 'x', 'fh-', 1)",
            "key `evil`",
        ),
        (
            "update api_key set revoked_at = null where name = 'two'",
            "key `two`, which is valid again",
        ),
        ("delete from api_key where name = 'one'", "key `one`, which is gone"),
    ];
    for (number, (sql, expected)) in (1..).zip(cases) {
        behind_its_back(&url, sql).unwrap();
        let found = ledger.unrecorded_acts(Limit::PAGE).await.unwrap();
        assert!(found.iter().any(|it| it.starts_with(expected)), "{expected}: {found:?}");
        assert_eq!(found.len(), number, "{found:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_this_ledger_is_refused() {
    let foreign = on_server();
    behind_its_back(&foreign, "create table bookmarks (url text)").unwrap();
    let message = refused!(Unsupported, SqlLedger::open(&foreign).await);
    assert!(message.contains("another program"), "{message}");
    let newer = on_server();
    SqlLedger::open(&newer).await.unwrap().close().await;
    behind_its_back(&newer, "update freehold_schema set version = 999").unwrap();
    let message = refused!(TooNew, SqlLedger::open(&newer).await);
    assert!(message.contains("999"), "{message}");
    let missing = Postgres::shared().url("nobody-made-it");
    let message = refused!(Unsupported, SqlLedger::open(&missing).await);
    assert!(message.contains("does not exist"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_open_a_new_database_at_once() {
    let url = on_server();
    let opening = (0..8).map(|number| {
        let url = url.clone();
        tokio::spawn(async move {
            let ledger = SqlLedger::open(&url).await.unwrap();
            ledger.add_key(&key(&format!("key-{number}")), "ada").await.unwrap();
            ledger
        })
    });
    let mut opened = Vec::new();
    for it in opening.collect::<Vec<_>>() {
        opened.push(it.await.unwrap());
    }
    assert_eq!(opened[0].keys().await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_server_that_goes_away_is_said_to_and_is_found_again() {
    let mut server = Postgres::start();
    let url = server.database("ledger");
    let ledger = SqlLedger::open(&url).await.unwrap();
    ledger.add_key(&key("ci"), "ada").await.unwrap();
    server.down();
    for _ in 0..2 {
        let message = refused!(Unreachable, ledger.find_key(&digest("ci")).await);
        assert!(message.contains("cannot be reached"), "{message}");
    }
    let error = ledger.add_key(&key("late"), "ada").await.unwrap_err();
    assert!(matches!(error, LedgerError::Unreachable { .. }), "{error:?}");
    server.up();
    assert_eq!(ledger.keys().await.unwrap().len(), 1);
    ledger.add_key(&key("late"), "ada").await.unwrap();
    assert_eq!(ledger.keys().await.unwrap().len(), 2);
}
