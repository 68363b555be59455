//! `kill -9` in the middle of writes: what was acknowledged stays, and the file stays whole.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use freehold_ledger::{
    FeedbackRepository, Limit, ReviewItem, ReviewRepository, ReviewStatus, Sequence,
};
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::{Feedback, FeedbackKind, Probability, Random, Seed};
use tempfile::TempDir;

use crate::{at, labels, task, trace, url_in};

const THIS_TEST: &str = "crash::rows_acknowledged_before_a_kill_are_there_afterwards";
const CHILD_LEDGER: &str = "FREEHOLD_TEST_LEDGER";
const CHILD_FIRST: &str = "FREEHOLD_TEST_FIRST";

/// Writes without end and says on its output what was acknowledged.
async fn write_until_killed(url: &str, first: i64) -> ! {
    let ledger = SqlLedger::open(url).await.unwrap();
    let mut output = std::io::stdout();
    for number in first.. {
        let kind = FeedbackKind::Outcome { outcome: number.to_string() };
        let feedback = Feedback { trace: trace(number), at: at(number), by: "ada".into(), kind };
        ledger.add_feedback(&feedback).await.unwrap();
        ledger.enqueue_review(&item(number)).await.unwrap();
        ledger.settle_review(&trace(number), &labels(&["x"]), "ada", at(1)).await.unwrap();
        writeln!(output, "\nkept {number}").unwrap();
        output.flush().unwrap();
    }
    unreachable!("the numbers do not end before the kill");
}

fn item(number: i64) -> ReviewItem {
    ReviewItem {
        trace: trace(number),
        task: task("tickets"),
        text: "text ".repeat(50),
        suggested: Vec::new(),
        confidence: Probability::ZERO,
        reason: String::new(),
        at: at(number),
        status: ReviewStatus::Pending,
    }
}

fn spawn(url: &str, first: i64) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", THIS_TEST, "--nocapture"])
        .env(CHILD_LEDGER, url)
        .env(CHILD_FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// The last number that the child acknowledged; reads until `enough` of them, then kills.
fn kill_after(url: &str, first: i64, enough: usize) -> i64 {
    let (mut child, mut output) = spawn(url, first);
    let mut last = first - 1;
    let mut seen = 0;
    let mut line = String::new();
    // `Child::kill` is SIGKILL. What was still in the pipe was acknowledged too.
    while output.read_line(&mut line).unwrap() > 0 {
        if let Some(number) = line.strip_suffix('\n').and_then(|it| it.strip_prefix("kept ")) {
            last = number.parse().unwrap();
            seen += 1;
        }
        if seen == enough {
            child.kill().unwrap();
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(seen >= enough, "the child ended by itself after {seen} rows");
    last
}

/// Numbers of the second writer begin here, so that two can write at once.
const SECOND: i64 = 1_000_000;

#[tokio::test]
async fn rows_acknowledged_before_a_kill_are_there_afterwards() {
    if let (Ok(url), Ok(first)) = (std::env::var(CHILD_LEDGER), std::env::var(CHILD_FIRST)) {
        write_until_killed(&url, first.parse().unwrap()).await;
    }
    let folder = TempDir::new().unwrap();
    let url = url_in(&folder);
    let mut random = Random::new(Seed(20));
    let mut acknowledged = [0, SECOND];
    for _ in 0..10 {
        // Two processes write at once; each begins with what its predecessor did not finish.
        let kills = acknowledged.map(|last| {
            let (url, enough) = (url.clone(), 1 + random.below(6));
            std::thread::spawn(move || kill_after(&url, last + 1, enough))
        });
        acknowledged = kills.map(|kill| kill.join().unwrap());
        let ledger = SqlLedger::open(&url).await.unwrap();
        ledger.check().await.unwrap();
        let said = ledger.feedback(Sequence::START, Limit::MAX).await.unwrap();
        let settled =
            ledger.settled_reviews(&task("tickets"), Sequence::START, Limit::MAX).await.unwrap();
        let said = said.iter().map(|row| row.feedback.at.as_micros()).collect();
        let settled = settled.iter().map(|item| item.at.as_micros()).collect();
        check_numbers(&said, acknowledged);
        check_numbers(&settled, acknowledged);
        ledger.close().await;
    }
}

/// Everything acknowledged is there; beyond that at most the one row in flight.
#[track_caller]
fn check_numbers(found: &BTreeSet<i64>, [first, second]: [i64; 2]) {
    let acknowledged: BTreeSet<i64> = (1..=first).chain(SECOND + 1..=second).collect();
    let in_flight = BTreeSet::from([first + 1, second + 1]);
    let lost: Vec<&i64> = acknowledged.difference(found).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    let surplus: BTreeSet<i64> = found.difference(&acknowledged).copied().collect();
    assert!(surplus.is_subset(&in_flight), "never sent: {surplus:?}");
}
