//! What is due is forgotten, nothing else is, and doing it again changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_traces::{Forgotten, Retention, RetentionRules, would_forget};
use freehold_vocabulary::ports::TraceLog as _;
use freehold_vocabulary::{TaskName, Timestamp};

use crate::sample::{ask, open, quiet, trace};

const COUNTS: &str = "SELECT task, count(*), sum(CASE WHEN input = '' THEN 1 ELSE 0 END), \
                      count(DISTINCT id) FROM traces GROUP BY task ORDER BY task";

/// Two days of two tasks: a thousand traces fill a day, every third is of `mail`.
async fn two_days(folder: &Path) {
    let traces = open(folder, quiet());
    for number in (0..2000).step_by(100) {
        traces.append(vec![trace(number)]).await.unwrap();
    }
    traces.compact().await.unwrap();
}

fn rules(content_days: Option<u32>, mail_days: Option<u32>) -> RetentionRules {
    let mail = Retention { content_days: None, days: mail_days };
    let tasks = BTreeMap::from([(TaskName::parse("mail").unwrap(), mail)]);
    RetentionRules { usual: Retention { content_days, days: None }, tasks }
}

async fn check(rules: &RetentionRules, now: &str, due: (u64, u64), left: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_days(folder).await;
    let before = ask(folder, COUNTS).await;
    let now = Timestamp::parse(now).unwrap();
    let due = Forgotten { emptied: due.0, removed: due.1 };
    assert_eq!(would_forget(folder, rules, now).unwrap(), due);
    assert_eq!(ask(folder, COUNTS).await, before);
    let traces = open(folder, quiet());
    assert_eq!(traces.forget(rules.clone(), now).await.unwrap(), due);
    assert_eq!(ask(folder, COUNTS).await, left);
    assert_eq!(traces.forget(rules.clone(), now).await.unwrap(), Forgotten::default());
    // What was forgotten does not come back with the next process.
    drop(traces);
    drop(open(folder, quiet()));
    assert_eq!(ask(folder, COUNTS).await, left);
}

#[tokio::test]
async fn each_task_forgets_by_its_own_rule() {
    let nothing = ["mail 7 0 7", "tickets 13 0 13"];
    check(&rules(Some(1), Some(1)), "2026-11-21T12:00:00Z", (0, 0), &nothing).await;
    let first_day = ["mail 3 0 3", "tickets 13 6 13"];
    check(&rules(Some(1), Some(1)), "2026-11-22T12:00:00Z", (6, 4), &first_day).await;
    let both_days = ["tickets 13 13 13"];
    check(&rules(Some(1), Some(1)), "2026-11-30T12:00:00Z", (13, 7), &both_days).await;
    check(&rules(None, None), "2036-11-30T12:00:00Z", (0, 0), &nothing).await;
}

#[tokio::test]
async fn a_trace_without_its_text_is_still_found() {
    let folder = tempfile::tempdir().unwrap();
    two_days(folder.path()).await;
    let traces = open(folder.path(), quiet());
    let known = trace(100);
    let now = Timestamp::parse("2026-11-30T00:00:00Z").unwrap();
    traces.forget(rules(Some(1), None), now).await.unwrap();
    let found = traces.find(&known.id).await.unwrap().unwrap();
    assert_eq!((found.input.as_str(), &found.labels), ("", &known.labels));
    let kept =
        ask(folder.path(), "SELECT sum(length(input)) FROM traces WHERE task = 'tickets'").await;
    assert_eq!(kept, ["0"]);
}
