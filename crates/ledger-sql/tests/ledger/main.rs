//! One conformance suite for every kind of ledger, on a real PostgreSQL too, and what only one of
//! them can show: many writers, crashes, reopening, damage, a server that goes away.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected should panic")]

mod account;
mod alias;
mod audit;
mod budget;
mod concurrency;
mod crash;
mod dataset;
mod evaluation;
mod feedback;
mod key;
mod opening;
mod postgres;
mod review;
mod run;
mod server;
mod version;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use freehold_ledger::Ledger;
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::{Digest, Label, TaskName, Timestamp, TraceId};
use tempfile::TempDir;

use postgres::Postgres;

/// Runs one check against every kind of ledger, through the object that the rest of Freehold sees.
async fn each_ledger(check: impl AsyncFn(Arc<dyn Ledger>)) {
    let folder = TempDir::new().unwrap();
    for url in ["sqlite::memory:".to_owned(), url_in(&folder), on_server()] {
        let ledger = SqlLedger::open(&url).await.unwrap();
        check(ledger.clone()).await;
        ledger.close().await;
    }
}

/// An empty database of the server that all tests share.
fn on_server() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    Postgres::shared().database(&format!("ledger_{number}"))
}

fn url_in(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("state/ledger.db").display())
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn digest(text: &str) -> Digest {
    Digest::of(text)
}

fn task(text: &str) -> TaskName {
    TaskName::parse(text).unwrap()
}

fn labels(words: &[&str]) -> Vec<Label> {
    words.iter().map(|word| Label::parse(word).unwrap()).collect()
}

/// The trace of that millisecond.
fn trace(millis: i64) -> TraceId {
    TraceId::new(at(millis * 1000), 7)
}

/// The message of a refusal, after checking of which kind it is.
macro_rules! refused {
    ($kind:ident, $outcome:expr) => {{
        match $outcome {
            Err(error @ freehold_ledger::LedgerError::$kind { .. }) => error.to_string(),
            other => panic!("expected {}, found {other:?}", stringify!($kind)),
        }
    }};
}
pub(crate) use refused;
