//! The audit log: one chain, no gaps, and no act without its record.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use freehold_ledger::{
    AliasRepository, AliasRequest, AuditRepository, Expected, Key, KeyName, KeyRepository, Ledger,
    Limit, ReviewRepository, Sequence,
};
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::audit::act::Exported;
use freehold_vocabulary::audit::{Act, ActKind, AuditDraft, AuditRecord, GateSaid, Verifier};
use freehold_vocabulary::{AliasName, Digest, Random, Seed};
use serde_json::json;
use tempfile::TempDir;

use crate::review::item;
use crate::{at, digest, each_ledger, labels, on_server, refused, task, trace, url_in};

fn exported(rows: u64) -> AuditDraft {
    AuditDraft {
        at: at(3),
        actor: "ada".into(),
        subject: "audit".into(),
        act: Act::Exported(Exported { rows, digest: digest("rows") }),
    }
}

pub fn promotion(to: &str, gate: serde_json::Value) -> AliasRequest {
    AliasRequest {
        task: task("tickets"),
        alias: AliasName::parse("champion").unwrap(),
        to: Some(digest(to)),
        expected: Expected::Anything,
        at: at(5),
        by: "ada".into(),
        why: "better".into(),
        gate,
    }
}

pub fn key(name: &str) -> Key {
    Key::new(KeyName::parse(name).unwrap(), digest(name), "fh-", at(1))
}

/// Every record, after checking that they are one chain without gaps.
async fn whole(ledger: &dyn Ledger) -> Vec<AuditRecord> {
    let mut verifier = Verifier::new(Vec::new());
    let mut records = Vec::new();
    let mut after = Sequence(i64::MIN);
    loop {
        let page = ledger.stored_audit(after, Limit::MAX).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Sequence(last.place);
        records.extend(page.iter().filter_map(|it| verifier.take(it)));
    }
    let verdict = verifier.finish();
    assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
    records
}

#[tokio::test]
async fn records_are_chained_in_the_order_in_which_they_came() {
    each_ledger(async |ledger| {
        assert!(whole(&*ledger).await.is_empty());
        let first = ledger.append_audit(&[exported(1), exported(2)]).await.unwrap();
        assert_eq!(first.iter().map(|it| it.sequence).collect::<Vec<_>>(), [1, 2]);
        assert!(ledger.append_audit(&[]).await.unwrap().is_empty());
        let third = ledger.append_audit(&[exported(3)]).await.unwrap();
        let all = whole(&*ledger).await;
        assert_eq!(all, [first, third].concat());
        assert_eq!(all[1], exported(2).at_place(2));
        let behind = ledger.audit_records(None, Sequence(1), Limit::rows(1)).await.unwrap();
        assert_eq!(behind, all[1..2]);
        assert_eq!(ledger.latest_audit(None, Limit::rows(2)).await.unwrap(), all[1..]);
    })
    .await;
}

#[tokio::test]
async fn what_is_beyond_a_limit_is_refused_and_nothing_of_it_is_kept() {
    each_ledger(async |ledger| {
        let mut long = exported(1);
        long.subject = "x".repeat(5000);
        let message = refused!(Invalid, ledger.append_audit(&[exported(1), long]).await);
        assert!(message.contains("subject"), "{message}");
        assert!(whole(&*ledger).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn every_administrative_act_leaves_a_record() {
    each_ledger(async |ledger| {
        let gate = json!({"passed": true, "seed": u64::MAX});
        let moved = ledger.move_alias(&promotion("one", gate.clone())).await.unwrap();
        ledger.move_alias(&promotion("two", json!({"passed": false}))).await.unwrap();
        ledger.move_alias(&promotion("one", json!({"rollback": true}))).await.unwrap();
        ledger.add_key(&key("ci"), "bob").await.unwrap();
        ledger.revoke_key(&key("ci").name, "eve", at(7)).await.unwrap();
        ledger.enqueue_review(&item("tickets", 1)).await.unwrap();
        ledger.settle_review(&trace(1), &labels(&["x"]), "cleo", at(8)).await.unwrap();
        ledger.enter_correction(&item("tickets", 2), &labels(&["y"]), "dan", at(9)).await.unwrap();
        let all = whole(&*ledger).await;
        let told: Vec<(&str, &str, &str)> = all
            .iter()
            .map(|it| (it.act.kind().as_str(), it.actor.as_str(), it.subject.as_str()))
            .collect();
        let (one, two) = (trace(1), trace(2));
        let expected = [
            ("alias_moved", "ada", "tickets@champion"),
            ("alias_moved", "ada", "tickets@champion"),
            ("alias_moved", "ada", "tickets@champion"),
            ("key_created", "bob", "ci"),
            ("key_revoked", "eve", "ci"),
            ("review_settled", "cleo", one.as_str()),
            ("review_settled", "dan", two.as_str()),
        ];
        assert_eq!(told, expected);
        let moves: Vec<_> = all
            .iter()
            .filter_map(|it| match &it.act {
                Act::AliasMoved(moved) => Some(moved),
                _ => None,
            })
            .collect();
        assert_eq!(moves[0].entry, moved.sequence.0.unsigned_abs());
        assert_eq!(moves[0].gate_result, Digest::of(gate.to_string()));
        assert_eq!((&moves[1].from, &moves[1].to), (&Some(digest("one")), &Some(digest("two"))));
        let gates: Vec<GateSaid> = moves.iter().map(|it| it.gate).collect();
        assert_eq!(gates, [GateSaid::Passed, GateSaid::Overruled, GateSaid::Rollback]);
        let keys = ledger.audit_records(Some(ActKind::KeyCreated), Sequence::START, Limit::PAGE);
        assert_eq!(keys.await.unwrap(), all[3..4]);
        let last = ledger.latest_audit(Some(ActKind::AliasMoved), Limit::rows(1)).await.unwrap();
        assert_eq!(last, all[2..3]);
    })
    .await;
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_record() {
    each_ledger(async |ledger| {
        ledger.add_key(&key("ci"), "ada").await.unwrap();
        refused!(Conflict, ledger.add_key(&key("ci"), "bob").await);
        ledger.revoke_key(&key("ci").name, "ada", at(7)).await.unwrap();
        ledger.revoke_key(&key("ci").name, "bob", at(9)).await.unwrap();
        let name = KeyName::parse("no-such").unwrap();
        refused!(Missing, ledger.revoke_key(&name, "bob", at(9)).await);
        let stale = AliasRequest {
            expected: Expected::Target(Some(digest("x"))),
            ..promotion("one", json!(1))
        };
        refused!(Conflict, ledger.move_alias(&stale).await);
        ledger.enqueue_review(&item("tickets", 1)).await.unwrap();
        for by in ["ada", "bob"] {
            ledger.settle_review(&trace(1), &labels(&["x"]), by, at(8)).await.unwrap();
        }
        assert_eq!(whole(&*ledger).await.len(), 3);
    })
    .await;
}

/// Executes SQL behind the ledger's back.
async fn behind_its_back(folder: &TempDir, sql: &'static str) -> Result<(), sqlx::Error> {
    let path = folder.path().join("state/ledger.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = sqlx::sqlite::SqlitePool::connect_with(options).await?;
    sqlx::raw_sql(sql).execute(&pool).await?;
    pool.close().await;
    Ok(())
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_a_record() {
    let folder = TempDir::new().unwrap();
    let ledger = SqlLedger::open(&url_in(&folder)).await.unwrap();
    ledger.append_audit(&[exported(1)]).await.unwrap();
    for sql in [
        "delete from audit_record",
        "update audit_record set record = '{}'",
        "update audit_record set hash = ''",
        "insert or replace into audit_record (sequence, record, hash) values (1, '{}', '')",
    ] {
        let error = behind_its_back(&folder, sql).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
    assert_eq!(whole(&*ledger).await.len(), 1);
}

#[tokio::test]
async fn if_the_record_cannot_be_written_the_act_does_not_happen() {
    let folder = TempDir::new().unwrap();
    let ledger = SqlLedger::open(&url_in(&folder)).await.unwrap();
    ledger.enqueue_review(&item("tickets", 1)).await.unwrap();
    behind_its_back(
        &folder,
        "create trigger no_more before insert on audit_record begin select raise(abort, 'no'); end",
    )
    .await
    .unwrap();
    ledger.move_alias(&promotion("one", json!(1))).await.unwrap_err();
    ledger.add_key(&key("ci"), "ada").await.unwrap_err();
    ledger.settle_review(&trace(1), &labels(&["x"]), "ada", at(8)).await.unwrap_err();
    ledger.append_audit(&[exported(1)]).await.unwrap_err();
    assert!(ledger.current_aliases().await.unwrap().is_empty());
    assert!(ledger.keys().await.unwrap().is_empty());
    assert_eq!(ledger.count_pending_reviews(None).await.unwrap(), 1);
    assert!(whole(&*ledger).await.is_empty());
}

#[tokio::test]
async fn a_ledger_from_before_the_log_keeps_its_facts_and_gets_one() {
    let folder = TempDir::new().unwrap();
    behind_its_back(&folder, include_str!("../../migrations/0001_the_first_tables.sql"))
        .await
        .unwrap();
    behind_its_back(
        &folder,
        "pragma application_id = 0x46524844; pragma user_version = 1;
         insert into alias_move (task, alias, target, at, by, why, gate) values
         ('tickets', 'champion', null, 1, 'ada', 'first', 'null')",
    )
    .await
    .unwrap();
    let ledger = SqlLedger::open(&url_in(&folder)).await.unwrap();
    assert!(whole(&*ledger).await.is_empty());
    ledger.move_alias(&promotion("one", json!(null))).await.unwrap();
    let champion = AliasName::parse("champion").unwrap();
    let history = ledger.alias_history(&task("tickets"), &champion).await.unwrap();
    assert_eq!(history.len(), 2);
    let all = whole(&*ledger).await;
    let Act::AliasMoved(moved) = &all[0].act else { panic!("{:?}", all[0]) };
    assert_eq!((all.len(), all[0].sequence, moved.entry), (1, 1, 2));
    assert!(ledger.unrecorded_acts(Limit::PAGE).await.unwrap().is_empty());
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn an_act_behind_the_ledgers_back_is_found_by_its_missing_record() {
    let folder = TempDir::new().unwrap();
    let ledger = SqlLedger::open(&url_in(&folder)).await.unwrap();
    for name in ["one", "two"] {
        ledger.move_alias(&promotion(name, json!(1))).await.unwrap();
        ledger.add_key(&key(name), "ada").await.unwrap();
    }
    ledger.revoke_key(&key("two").name, "ada", at(7)).await.unwrap();
    for millis in [1, 2] {
        let item = item("tickets", millis);
        ledger.enter_correction(&item, &labels(&["x"]), "ada", at(8)).await.unwrap();
    }
    let unrecorded = async || ledger.unrecorded_acts(Limit::PAGE).await.unwrap();
    assert!(unrecorded().await.is_empty());
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
        (
            "insert into settlement (trace, labels, by, at) select trace, labels, by, at from settlement limit 1",
            "judgement 3",
        ),
    ];
    for (number, (sql, expected)) in (1..).zip(cases) {
        behind_its_back(&folder, sql).await.unwrap();
        let found = unrecorded().await;
        assert!(found.iter().any(|it| it.starts_with(expected)), "{expected}: {found:?}");
        assert_eq!(found.len(), number, "{found:?}");
    }
}

/// Separate pools take the same locks as separate processes.
#[tokio::test(flavor = "multi_thread")]
async fn many_writers_make_one_chain_even_if_some_callers_go_away() {
    let folder = TempDir::new().unwrap();
    for url in [url_in(&folder), on_server()] {
        many_writers(&url).await;
    }
}

async fn many_writers(url: &str) {
    let shared = SqlLedger::open(url).await.unwrap();
    let other = SqlLedger::open(url).await.unwrap();
    let callers: Vec<_> = (0..120)
        .map(|number| {
            let ledger: Arc<SqlLedger> = if number % 2 == 0 { &shared } else { &other }.clone();
            tokio::spawn(async move { ledger.append_audit(&[exported(number)]).await.unwrap() })
        })
        .collect();
    // Every fifth caller is cut off, wherever it happens to be.
    for caller in callers.iter().step_by(5) {
        caller.abort();
    }
    let mut answered = Vec::new();
    for caller in callers {
        if let Ok(records) = caller.await {
            answered.extend(records);
        }
    }
    let all = whole(&*shared).await;
    assert!(answered.len() >= 96, "{}", answered.len());
    for record in &answered {
        assert_eq!(all[usize::try_from(record.sequence - 1).unwrap()], *record);
    }
    let mut rows: Vec<u64> = all
        .iter()
        .map(|it| match &it.act {
            Act::Exported(exported) => exported.rows,
            other => panic!("{other:?}"),
        })
        .collect();
    let written = rows.len();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), written, "a record was written twice");
}

const THIS_TEST: &str = "audit::killed_writers_leave_whole_chains_and_no_act_without_its_record";
const CHILD_LEDGER: &str = "FREEHOLD_TEST_AUDIT_LEDGER";
const CHILD_NUMBER: &str = "FREEHOLD_TEST_AUDIT_NUMBER";

/// Writes without end and says on its output what was acknowledged.
async fn write_until_killed(url: &str, number: &str) -> ! {
    let ledger = SqlLedger::open(url).await.unwrap();
    let mut output = std::io::stdout();
    for round in 0u64.. {
        let name = format!("{number}-{round}");
        ledger.move_alias(&promotion(&name, json!({"passed": true}))).await.unwrap();
        ledger.add_key(&key(&name), "ada").await.unwrap();
        let records = ledger.append_audit(&[exported(round), exported(round)]).await.unwrap();
        writeln!(output, "\nkept {} {name}", records[1].sequence).unwrap();
        output.flush().unwrap();
    }
    unreachable!("the numbers do not end before the kill");
}

/// What the child acknowledged: the sequence of its records, and the name of its key.
fn kill_after(url: &str, number: usize, enough: usize) -> Vec<(usize, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", THIS_TEST, "--nocapture"])
        .env(CHILD_LEDGER, url)
        .env(CHILD_NUMBER, number.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut kept = Vec::new();
    // What was still in the pipe when the child was killed was acknowledged too.
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some((sequence, name)) =
            line.unwrap().strip_prefix("kept ").and_then(|it| it.split_once(' '))
        {
            kept.push((sequence.parse().unwrap(), name.to_owned()));
        }
        if kept.len() == enough {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(kept.len() >= enough, "the child ended by itself");
    kept
}

#[tokio::test]
async fn killed_writers_leave_whole_chains_and_no_act_without_its_record() {
    if let (Ok(url), Ok(number)) = (std::env::var(CHILD_LEDGER), std::env::var(CHILD_NUMBER)) {
        write_until_killed(&url, &number).await;
    }
    let folder = TempDir::new().unwrap();
    for url in [url_in(&folder), on_server()] {
        kill_writers(&url).await;
    }
}

async fn kill_writers(url: &str) {
    let mut random = Random::new(Seed(21));
    for round in 0..6 {
        // Two processes write at once.
        let kills = [2 * round, 2 * round + 1].map(|number| {
            let (url, enough) = (url.to_owned(), 1 + random.below(5));
            std::thread::spawn(move || kill_after(&url, number, enough))
        });
        let kept = kills.map(|kill| kill.join().unwrap()).concat();
        let ledger = SqlLedger::open(url).await.unwrap();
        ledger.check().await.unwrap();
        let all = whole(&*ledger).await;
        let of = |kind| all.iter().filter(move |it: &&AuditRecord| it.act.kind() == kind);
        // As many records of each kind as there are acts: neither without the other.
        let keys = ledger.keys().await.unwrap();
        let moves = ledger
            .alias_history(&task("tickets"), &AliasName::parse("champion").unwrap())
            .await
            .unwrap();
        assert_eq!(of(ActKind::KeyCreated).count(), keys.len());
        assert_eq!(of(ActKind::AliasMoved).count(), moves.len());
        // Two records that were appended together are both there or neither.
        assert_eq!(of(ActKind::Exported).count() % 2, 0);
        for (sequence, name) in kept {
            assert!(sequence <= all.len(), "record {sequence} is lost");
            assert!(keys.iter().any(|key| key.name.as_str() == name), "key {name} is lost");
        }
        ledger.close().await;
    }
}
