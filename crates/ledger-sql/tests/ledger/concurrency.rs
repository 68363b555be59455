//! Many writers at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use freehold_ledger::{
    AliasRepository, AliasRequest, Expected, FeedbackRepository, LedgerError, Limit,
    ReviewRepository, Sequence, Written,
};
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::{AliasName, Feedback, FeedbackKind};
use tempfile::TempDir;

use crate::review::item;
use crate::{at, digest, task, trace, url_in};

fn outcome(writer: i64, number: i64) -> Feedback {
    let kind = FeedbackKind::Outcome { outcome: format!("{writer}/{number}") };
    Feedback { trace: trace(writer * 1000 + number), at: at(1), by: "ada".into(), kind }
}

/// Separate pools on one file take the same locks as separate processes.
#[tokio::test(flavor = "multi_thread")]
async fn writers_that_open_and_write_at_once_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let url = url_in(&folder);
            tokio::spawn(async move {
                let ledger = SqlLedger::open(&url).await.unwrap();
                for number in 0..20 {
                    ledger.add_feedback(&outcome(writer, number)).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let ledger = SqlLedger::open(&url_in(&folder)).await.unwrap();
    let rows = ledger.feedback(Sequence::START, Limit::MAX).await.unwrap();
    let sequences: BTreeSet<Sequence> = rows.iter().map(|row| row.sequence).collect();
    assert_eq!((rows.len(), sequences.len()), (120, 120));
    ledger.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_promotions_decided_on_the_same_champion_one_wins() {
    let folder = TempDir::new().unwrap();
    let shared = SqlLedger::open(&url_in(&folder)).await.unwrap();
    let promote = |ledger: Arc<SqlLedger>, version: String| {
        tokio::spawn(async move {
            let request = AliasRequest {
                task: task("tickets"),
                alias: AliasName::parse("champion").unwrap(),
                to: Some(digest(&version)),
                expected: Expected::Target(None),
                at: at(1),
                by: version,
                why: "better".into(),
                gate: serde_json::Value::Null,
            };
            ledger.move_alias(&request).await
        })
    };
    let mut attempts = Vec::new();
    for version in 0..8 {
        let other = SqlLedger::open(&url_in(&folder)).await.unwrap();
        let ledger = if version % 2 == 0 { shared.clone() } else { other };
        attempts.push(promote(ledger, format!("v{version}")));
    }
    let mut won = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => won += 1,
            Err(LedgerError::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_not_held_up_by_a_writer() {
    let folder = TempDir::new().unwrap();
    let ledger = SqlLedger::open(&url_in(&folder)).await.unwrap();
    ledger.add_feedback(&outcome(0, 0)).await.unwrap();
    // A foreign connection holds the write lock for as long as this test likes.
    let path = folder.path().join("state/ledger.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let pool = sqlx::sqlite::SqlitePool::connect_with(options).await.unwrap();
    let held = pool.begin_with("begin immediate").await.unwrap();
    assert_eq!(ledger.feedback(Sequence::START, Limit::MAX).await.unwrap().len(), 1);
    held.rollback().await.unwrap();
    ledger.add_feedback(&outcome(0, 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn items_enqueued_at_once_enter_exactly_once_even_if_some_callers_go_away() {
    let folder = TempDir::new().unwrap();
    let ledger = SqlLedger::open(&url_in(&folder)).await.unwrap();
    let callers: Vec<_> = (0..60)
        .map(|caller| {
            let ledger = ledger.clone();
            // Neighbours share an item, so each trace is asked for twice.
            let items = [item("a", caller), item("a", caller + 1)];
            tokio::spawn(async move { ledger.enqueue_reviews(&items).await.unwrap() })
        })
        .collect();
    // Every third caller is cut off, wherever it happens to be.
    for caller in callers.iter().step_by(3) {
        caller.abort();
    }
    let mut new = 0;
    let mut answered = Vec::new();
    for (number, caller) in (0..).zip(callers) {
        if let Ok(written) = caller.await {
            answered.push(number);
            new += written.iter().filter(|it| **it == Written::New).count() as u64;
        }
    }
    let pending = ledger.count_pending_reviews(None).await.unwrap();
    // Only callers who were cut off can have entered items that nobody was told about.
    assert!(new <= pending && pending <= 61, "{new} new, {pending} pending");
    assert!(answered.len() >= 40, "{answered:?}");
    for number in answered {
        for millis in [number, number + 1] {
            assert!(ledger.find_review(&trace(millis)).await.unwrap().is_some(), "{millis}");
        }
    }
    ledger.check().await.unwrap();
}
