//! What the world said.

use freehold_ledger::{Limit, Sequence, Written};
use freehold_vocabulary::{Feedback, FeedbackKind};

use crate::{at, each_ledger, labels, refused, trace};

fn said(on: i64, by: &str, micros: i64, kind: FeedbackKind) -> Feedback {
    Feedback { trace: trace(on), at: at(micros), by: by.into(), kind }
}

fn correction(word: &str) -> FeedbackKind {
    FeedbackKind::Correction { labels: labels(&[word]) }
}

#[tokio::test]
async fn statements_are_kept_in_their_order() {
    each_ledger(async |ledger| {
        let statements = [
            said(1, "ada", 1, correction("refund")),
            said(2, "bob", 2, FeedbackKind::Rating { rating: 0.1 + 0.2 }),
            said(1, "ada", 3, FeedbackKind::Outcome { outcome: "won\n\"ok\"".into() }),
        ];
        for statement in &statements {
            assert_eq!(ledger.add_feedback(statement).await.unwrap(), Written::New);
        }
        let all = ledger.feedback(Sequence::START, Limit::MAX).await.unwrap();
        assert_eq!(all.iter().map(|row| row.feedback.clone()).collect::<Vec<_>>(), statements);
        let on_first = ledger.feedback_on(&trace(1)).await.unwrap();
        assert_eq!(on_first, [all[0].clone(), all[2].clone()]);
        let page = ledger.feedback(all[0].sequence, Limit::rows(1)).await.unwrap();
        assert_eq!(page, [all[1].clone()]);
    })
    .await;
}

#[tokio::test]
async fn sending_again_changes_nothing_but_changing_ones_mind_counts() {
    each_ledger(async |ledger| {
        let send = async |by: &str, micros, word: &str| {
            ledger.add_feedback(&said(1, by, micros, correction(word))).await.unwrap()
        };
        assert_eq!(send("ada", 1, "refund").await, Written::New);
        assert_eq!(send("ada", 2, "refund").await, Written::AlreadyKnown);
        assert_eq!(send("bob", 3, "refund").await, Written::New);
        assert_eq!(send("ada", 4, "card").await, Written::New);
        assert_eq!(send("ada", 5, "refund").await, Written::New);
        let times: Vec<i64> = ledger
            .feedback_on(&trace(1))
            .await
            .unwrap()
            .iter()
            .map(|row| row.feedback.at.as_micros())
            .collect();
        assert_eq!(times, [1, 3, 4, 5]);
    })
    .await;
}

#[tokio::test]
async fn what_is_beyond_a_limit_is_refused() {
    each_ledger(async |ledger| {
        let bad = [
            FeedbackKind::Rating { rating: f64::NAN },
            FeedbackKind::Rating { rating: 1.5 },
            FeedbackKind::Outcome { outcome: "x".repeat(70_000) },
            FeedbackKind::Correction { labels: labels(&["a", "a"]) },
        ];
        for kind in bad {
            refused!(Invalid, ledger.add_feedback(&said(1, "ada", 1, kind)).await);
        }
        assert!(ledger.feedback(Sequence::START, Limit::MAX).await.unwrap().is_empty());
    })
    .await;
}
