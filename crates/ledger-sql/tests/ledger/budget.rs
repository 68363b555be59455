//! Limits: set, drawn upon, given back, and shared by processes that may die.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use freehold_ledger::{
    BudgetRepository, Cap, CapRequest, CapState, Exchanged, Holder, Ledger, Limit, Measure,
    Sequence, Share, Want, Window,
};
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::audit::ActKind;
use freehold_vocabulary::{Random, Seed};
use tempfile::TempDir;

use crate::account::{house, party};
use crate::{at, each_ledger, on_server, refused, url_in};

const MINUTE: i64 = 60_000_000;

fn request(who: &str, at_most: Option<u64>) -> CapRequest {
    CapRequest {
        party: party(who),
        measure: Measure::Tokens,
        per: Window::Day,
        at_most,
        why: "spring".into(),
    }
}

async fn set(ledger: &dyn Ledger, who: &str, at_most: u64) -> Cap {
    ledger.set_cap(&request(who, Some(at_most)), "ada", at(2)).await.unwrap().unwrap()
}

fn holder(id: &str, lease_until: i64) -> Holder {
    Holder { id: id.into(), lease_until: at(lease_until) }
}

fn want(cap: &Cap, least: u64, most: u64) -> Want {
    Want { cap: cap.id, from: at(0), least, most }
}

fn share(cap: &Cap, used: u64, drawn: u64) -> Share {
    Share { cap: cap.id, from: at(0), used, drawn }
}

async fn state(ledger: &dyn Ledger, now: i64) -> Vec<(u64, u64)> {
    let states = ledger.cap_states(at(now)).await.unwrap();
    states.iter().map(|CapState { used, reserved, .. }| (*used, *reserved)).collect()
}

#[tokio::test]
async fn a_limit_is_set_changed_and_lifted_and_the_audit_log_tells() {
    each_ledger(async |ledger| {
        house(&*ledger).await;
        let first = set(&*ledger, "team/support", 100).await;
        let again = set(&*ledger, "team/support", 100).await;
        let more = set(&*ledger, "team/support", 200).await;
        assert_eq!((first.id, again.id, more.at_most), (more.id, more.id, 200));
        assert_eq!(more.name(), "team/support tokens per day");
        let lifted = ledger.set_cap(&request("team/support", None), "ada", at(3)).await.unwrap();
        assert_eq!(lifted, None);
        assert!(ledger.cap_states(at(3)).await.unwrap().is_empty());
        refused!(Missing, ledger.set_cap(&request("team/support", None), "ada", at(3)).await);
        refused!(Missing, ledger.set_cap(&request("team/none", Some(1)), "ada", at(3)).await);
        refused!(Invalid, ledger.set_cap(&request("key/ci", Some(u64::MAX)), "ada", at(3)).await);
        let all = ledger.audit_records(Some(ActKind::BudgetChanged), Sequence::START, Limit::PAGE);
        let told: Vec<String> = all
            .await
            .unwrap()
            .iter()
            .map(|it| serde_json::to_value(&it.act).unwrap()["detail"].to_string())
            .collect();
        assert_eq!(
            told,
            [
                r#"{"limit":"tokens per day","to":"100 tokens","why":"spring"}"#,
                r#"{"from":"100 tokens","limit":"tokens per day","to":"200 tokens","why":"spring"}"#,
                r#"{"from":"200 tokens","limit":"tokens per day","why":"spring"}"#,
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn all_levels_are_drawn_upon_together_or_none() {
    each_ledger(async |ledger| {
        house(&*ledger).await;
        let (team, key) =
            (set(&*ledger, "team/support", 1600).await, set(&*ledger, "key/ci", 90).await);
        let one = holder("one", MINUTE);
        let wants = [want(&team, 10, 1000), want(&key, 10, 1000)];
        let drew = ledger.exchange(&one, at(3), &[], &wants).await.unwrap();
        assert_eq!(drew, Exchanged::Drawn(vec![100, 10]));
        assert_eq!(state(&*ledger, 3).await, [(0, 10), (0, 100)]);
        let wants = [want(&team, 10, 10), want(&key, 81, 81)];
        let refused = ledger.exchange(&one, at(3), &[share(&key, 7, 10)], &wants).await.unwrap();
        let Exchanged::Refused(refusal) = refused else { panic!("{refused:?}") };
        assert_eq!(
            (refusal.cap, refusal.at_most, refusal.used, refusal.taken),
            (key.id, 90, 7, 10)
        );
        // What was said is kept, and nothing was drawn of the other limit.
        assert_eq!(state(&*ledger, 3).await, [(7, 3), (0, 100)]);
        // Giving back makes room for others.
        ledger.exchange(&one, at(3), &[share(&key, 7, 7)], &[]).await.unwrap();
        let two = holder("two", MINUTE);
        let drew = ledger.exchange(&two, at(3), &[], &[want(&key, 83, 83)]).await.unwrap();
        assert_eq!(drew, Exchanged::Drawn(vec![83]));
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_process_drew_is_free_again_and_what_it_used_is_not() {
    each_ledger(async |ledger| {
        house(&*ledger).await;
        let cap = set(&*ledger, "key/ci", 100).await;
        let dead = holder("dead", MINUTE);
        ledger.exchange(&dead, at(3), &[share(&cap, 30, 100)], &[]).await.unwrap();
        let heir = holder("heir", 9 * MINUTE);
        for (now, expected) in [(MINUTE - 1, false), (MINUTE, true)] {
            let drew = ledger.exchange(&heir, at(now), &[], &[want(&cap, 70, 70)]).await.unwrap();
            assert_eq!(matches!(drew, Exchanged::Drawn(_)), expected, "{drew:?}");
        }
        assert_eq!(state(&*ledger, MINUTE).await, [(30, 70)]);
        // Forgetting the dead forgets nothing that was used in a day.
        ledger.forget_use(at(2 * MINUTE)).await.unwrap();
        assert_eq!(state(&*ledger, 2 * MINUTE).await, [(30, 70)]);
        // The next day begins with nothing.
        assert_eq!(state(&*ledger, 25 * 60 * MINUTE).await, [(0, 0)]);
    })
    .await;
}

const THIS_TEST: &str = "budget::eight_processes_never_take_more_than_the_limit";
const CHILD_LEDGER: &str = "FREEHOLD_TEST_BUDGET_LEDGER";
const CHILD_NUMBER: &str = "FREEHOLD_TEST_BUDGET_NUMBER";
const AT_MOST: u64 = 20_000;

/// Uses one limit in steps of 1 to 9 until nothing is left, from shares that it draws.
async fn use_up(url: &str, number: u64) {
    let ledger = SqlLedger::open(url).await.unwrap();
    let cap = ledger.cap_states(at(3)).await.unwrap().remove(0).cap;
    let mut random = Random::new(Seed(number));
    let holder = holder(&format!("process-{number}"), MINUTE);
    let (mut used, mut drew) = (0u64, 0u64);
    loop {
        let need = 1 + random.below(9) as u64;
        if drew - used < need {
            let wants = [want(&cap, need - (drew - used), 500)];
            let shares = [share(&cap, used, drew)];
            match ledger.exchange(&holder, at(3), &shares, &wants).await.unwrap() {
                Exchanged::Drawn(amounts) => drew += amounts[0],
                // Others may still give back, but no more than they drew: enough for a test.
                Exchanged::Refused(_) => break,
            }
        }
        used += need;
    }
    ledger.exchange(&holder, at(3), &[share(&cap, used, used)], &[]).await.unwrap();
    println!("\nused {used}");
}

#[tokio::test]
async fn eight_processes_never_take_more_than_the_limit() {
    if let (Ok(url), Ok(number)) = (std::env::var(CHILD_LEDGER), std::env::var(CHILD_NUMBER)) {
        return use_up(&url, number.parse().unwrap()).await;
    }
    let folder = TempDir::new().unwrap();
    for url in [url_in(&folder), on_server()] {
        let ledger = SqlLedger::open(&url).await.unwrap();
        house(&*ledger).await;
        set(&*ledger, "organisation/acme", AT_MOST).await;
        let children: Vec<_> = (0..8)
            .map(|number: u64| {
                let mut child = Command::new(std::env::current_exe().unwrap());
                child.args(["--exact", THIS_TEST, "--nocapture"]);
                child.env(CHILD_LEDGER, &url).env(CHILD_NUMBER, number.to_string());
                child.stdout(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let mut used = 0;
        for mut child in children {
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let said =
                lines.filter_map(|it| it.unwrap().strip_prefix("used ")?.parse::<u64>().ok());
            used += said.sum::<u64>();
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(state(&*ledger, 3).await, [(used, 0)]);
        // Nobody took too much, and each left less than one step and what the last ones gave back.
        assert!(used <= AT_MOST, "{used}");
        assert!(used > AT_MOST * 9 / 10, "{used}");
    }
}
