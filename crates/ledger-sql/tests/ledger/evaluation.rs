//! Evaluations of versions.

use freehold_ledger::{EvaluationRow, Written};
use freehold_vocabulary::{Interval, IntervalMethod, Metric, Split};

use crate::{at, digest, each_ledger, refused};

fn row(version: &str, report: &str) -> EvaluationRow {
    EvaluationRow {
        version: digest(version),
        dataset: digest("data"),
        split: Split::Test,
        report: digest(report),
        at: at(3),
        metric: Metric::MacroF1,
        headline: Interval {
            estimate: 0.1 + 0.2,
            low: 0.9123,
            high: 0.9567,
            level: 0.95,
            n: u64::MAX,
            method: IntervalMethod::Bootstrap,
        },
    }
}

#[tokio::test]
async fn judgements_come_back_exactly_and_newest_first() {
    each_ledger(async |ledger| {
        for it in [row("one", "a"), row("one", "b"), row("two", "a")] {
            assert_eq!(ledger.record_evaluation(&it).await.unwrap(), Written::New);
        }
        let again = ledger.record_evaluation(&row("one", "a")).await.unwrap();
        assert_eq!(again, Written::AlreadyKnown);
        let found = ledger.evaluations_of(&digest("one")).await.unwrap();
        assert_eq!(found, [row("one", "b"), row("one", "a")]);
        assert!(ledger.evaluations_of(&digest("three")).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_headline_that_is_no_number_is_refused() {
    each_ledger(async |ledger| {
        let mut bad = row("one", "a");
        bad.headline.low = f64::NAN;
        let message = refused!(Invalid, ledger.record_evaluation(&bad).await);
        assert!(message.contains("NaN"), "{message}");
    })
    .await;
}
