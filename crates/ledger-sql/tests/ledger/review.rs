//! The review queue.

use freehold_ledger::{Ledger, Limit, ReviewItem, ReviewStatus, Sequence, Written};
use freehold_vocabulary::{Probability, TraceId};

use crate::{at, each_ledger, labels, refused, task, trace};

pub(crate) fn item(of: &str, millis: i64) -> ReviewItem {
    ReviewItem {
        trace: trace(millis),
        task: task(of),
        text: format!("text {millis} 🦊 ' \" \u{0}"),
        suggested: labels(&["refund", "card lost"]),
        confidence: Probability::new(0.1 + 0.2).unwrap(),
        reason: "not sure enough".into(),
        at: at(millis * 1000),
        status: ReviewStatus::Pending,
    }
}

async fn pending(ledger: &dyn Ledger, of: Option<&str>, after: Option<i64>) -> Vec<TraceId> {
    let of = of.map(task);
    let after = after.map(trace);
    let found = ledger.pending_reviews(of.as_ref(), Limit::rows(2), after.as_ref()).await.unwrap();
    found.into_iter().map(|it| it.trace).collect()
}

#[tokio::test]
async fn items_wait_in_the_order_of_time_and_come_in_pages() {
    each_ledger(async |ledger| {
        for (of, millis) in [("a", 30), ("b", 20), ("a", 10), ("a", 40)] {
            assert_eq!(ledger.enqueue_review(&item(of, millis)).await.unwrap(), Written::New);
        }
        assert_eq!(pending(&*ledger, Some("a"), None).await, [trace(10), trace(30)]);
        assert_eq!(pending(&*ledger, Some("a"), Some(30)).await, [trace(40)]);
        assert_eq!(pending(&*ledger, None, Some(10)).await, [trace(20), trace(30)]);
        assert_eq!(ledger.count_pending_reviews(Some(&task("a"))).await.unwrap(), 3);
        assert_eq!(ledger.count_pending_reviews(None).await.unwrap(), 4);
        assert_eq!(ledger.find_review(&trace(20)).await.unwrap(), Some(item("b", 20)));
        assert_eq!(ledger.find_review(&trace(21)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_item_enters_once() {
    each_ledger(async |ledger| {
        ledger.enqueue_review(&item("a", 1)).await.unwrap();
        let mut again = item("a", 1);
        again.reason = "something else".into();
        assert_eq!(ledger.enqueue_review(&again).await.unwrap(), Written::AlreadyKnown);
        ledger.settle_review(&trace(1), &labels(&["refund"]), "ada", at(9)).await.unwrap();
        assert_eq!(ledger.enqueue_review(&again).await.unwrap(), Written::AlreadyKnown);
        assert_eq!(ledger.count_pending_reviews(None).await.unwrap(), 0);
        let found = ledger.find_review(&trace(1)).await.unwrap().unwrap();
        assert_eq!(found.reason, "not sure enough");
    })
    .await;
}

#[tokio::test]
async fn many_items_enter_together_or_not_at_all() {
    each_ledger(async |ledger| {
        ledger.enqueue_review(&item("a", 2)).await.unwrap();
        let three = [item("a", 1), item("a", 2), item("a", 1)];
        let written = ledger.enqueue_reviews(&three).await.unwrap();
        assert_eq!(written, [Written::New, Written::AlreadyKnown, Written::AlreadyKnown]);
        assert!(ledger.enqueue_reviews(&[]).await.unwrap().is_empty());
        let mut bad = item("a", 4);
        bad.suggested = labels(&["x", "x"]);
        refused!(Invalid, ledger.enqueue_reviews(&[item("a", 3), bad]).await);
        assert_eq!(ledger.count_pending_reviews(None).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn settled_items_flow_into_the_next_version_once() {
    each_ledger(async |ledger| {
        for millis in [1, 2, 3] {
            ledger.enqueue_review(&item("a", millis)).await.unwrap();
        }
        ledger.enqueue_review(&item("b", 4)).await.unwrap();
        for (millis, words) in [(3, &["refund"][..]), (1, &[]), (4, &["x"])] {
            let settled =
                ledger.settle_review(&trace(millis), &labels(words), "ada", at(50)).await.unwrap();
            assert_eq!(settled.settlement().unwrap().labels, labels(words));
        }
        let of_a = ledger.settled_reviews(&task("a"), Sequence::START, Limit::PAGE).await.unwrap();
        let order: Vec<&TraceId> = of_a.iter().map(|it| &it.trace).collect();
        assert_eq!(order, [&trace(3), &trace(1)]);
        assert_eq!(of_a[0].settlement().unwrap().by, "ada");
        assert_eq!(of_a[0].settlement().unwrap().at, at(50));
        assert_eq!(of_a[0].text, item("a", 3).text);
        let since = of_a[0].settlement().unwrap().sequence;
        let rest = ledger.settled_reviews(&task("a"), since, Limit::PAGE).await.unwrap();
        assert_eq!(rest, [of_a[1].clone()]);
        assert_eq!(pending(&*ledger, None, None).await, [trace(2)]);
    })
    .await;
}

#[tokio::test]
async fn two_people_who_disagree_are_told() {
    each_ledger(async |ledger| {
        let settle = async |words: &[&str], by| {
            ledger.settle_review(&trace(1), &labels(words), by, at(5)).await
        };
        let message = refused!(Missing, settle(&["a"], "ada").await);
        assert!(message.contains(trace(1).as_str()), "{message}");
        ledger.enqueue_review(&item("a", 1)).await.unwrap();
        let first = settle(&["a"], "ada").await.unwrap();
        assert_eq!(settle(&["a"], "bob").await.unwrap(), first);
        let message = refused!(Conflict, settle(&["b"], "bob").await);
        assert!(message.contains("ada settled it"), "{message}");
        refused!(Invalid, settle(&["b", "b"], "bob").await);
        assert_eq!(ledger.find_review(&trace(1)).await.unwrap(), Some(first));
    })
    .await;
}

#[tokio::test]
async fn a_correction_enters_settled_and_the_newest_counts() {
    each_ledger(async |ledger| {
        let correct = async |millis, word: &str| {
            let labels = labels(&[word]);
            ledger.enter_correction(&item("a", millis), &labels, "ada", at(5)).await.unwrap()
        };
        ledger.enqueue_review(&item("a", 2)).await.unwrap();
        let unknown = correct(1, "refund").await;
        let waiting = correct(2, "refund").await;
        assert_eq!(ledger.count_pending_reviews(None).await.unwrap(), 0);
        assert_eq!(correct(1, "refund").await, unknown);
        let changed = correct(1, "card").await;
        let sequence = |it: &ReviewItem| it.settlement().unwrap().sequence;
        assert!(sequence(&unknown) < sequence(&waiting) && sequence(&waiting) < sequence(&changed));
        let since = sequence(&waiting);
        let news = ledger.settled_reviews(&task("a"), since, Limit::PAGE).await.unwrap();
        assert_eq!(news, [changed]);
    })
    .await;
}

#[tokio::test]
async fn what_is_beyond_a_limit_is_refused() {
    each_ledger(async |ledger| {
        let mut long = item("a", 1);
        long.text = "x".repeat(4 * 1024 * 1024 + 1);
        refused!(Invalid, ledger.enqueue_review(&long).await);
        ledger.enqueue_review(&item("a", 2)).await.unwrap();
        let settled = ledger.settle_review(&trace(2), &labels(&["a"]), "ada", at(1)).await.unwrap();
        let message = refused!(Invalid, ledger.enqueue_review(&settled).await);
        assert!(message.contains("enters the queue pending"), "{message}");
    })
    .await;
}
