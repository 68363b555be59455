//! Aliases: an append-only history.

use freehold_ledger::{AliasMove, AliasRequest, Expected, Sequence, previous_target};
use freehold_vocabulary::{AliasName, Digest};
use serde_json::json;

use crate::{at, digest, each_ledger, refused, task};

fn champion() -> AliasName {
    AliasName::parse("champion").unwrap()
}

fn request(of: &str, to: Option<&str>, expected: Expected) -> AliasRequest {
    AliasRequest {
        task: task(of),
        alias: champion(),
        to: to.map(digest),
        expected,
        at: at(5),
        by: "ada".into(),
        why: "it is better ✓".into(),
        gate: json!({"passed": true, "bar": 0.92, "by": {"low": 0.931}}),
    }
}

fn targets(history: &[AliasMove]) -> Vec<Option<Digest>> {
    history.iter().map(|step| step.to.clone()).collect()
}

#[tokio::test]
async fn every_move_is_kept_as_it_was_made() {
    each_ledger(async |ledger| {
        assert_eq!(ledger.alias_sequence().await.unwrap(), Sequence::START);
        assert_eq!(ledger.current_alias(&task("tickets"), &champion()).await.unwrap(), None);
        let one = request("tickets", Some("one"), Expected::Target(None));
        let first = ledger.move_alias(&one).await.unwrap();
        assert_eq!((&first.to, &first.gate, &first.why), (&one.to, &one.gate, &one.why));
        let two = request("tickets", Some("two"), Expected::Target(Some(digest("one"))));
        let second = ledger.move_alias(&two).await.unwrap();
        assert!(second.sequence > first.sequence);
        assert_eq!(ledger.alias_sequence().await.unwrap(), second.sequence);
        let history = ledger.alias_history(&task("tickets"), &champion()).await.unwrap();
        assert_eq!(history, [first, second.clone()]);
        let current = ledger.current_alias(&task("tickets"), &champion()).await.unwrap();
        assert_eq!(current, Some(second));
    })
    .await;
}

#[tokio::test]
async fn a_decision_on_an_outdated_champion_is_refused() {
    each_ledger(async |ledger| {
        ledger.move_alias(&request("t", Some("one"), Expected::Anything)).await.unwrap();
        for stale in [Expected::Target(None), Expected::Target(Some(digest("zero")))] {
            let outcome = ledger.move_alias(&request("t", Some("two"), stale)).await;
            let message = refused!(Conflict, outcome);
            assert!(message.contains("alias `t@champion`"), "{message}");
            assert!(message.contains(digest("one").short()), "{message}");
        }
        assert_eq!(ledger.alias_history(&task("t"), &champion()).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_rollback_is_a_move_back() {
    each_ledger(async |ledger| {
        for version in ["one", "two", "three"] {
            ledger.move_alias(&request("t", Some(version), Expected::Anything)).await.unwrap();
        }
        let mut history = Vec::new();
        for expected in ["two", "one"] {
            history = ledger.alias_history(&task("t"), &champion()).await.unwrap();
            let mut back = request("t", None, Expected::Anything);
            back.to = previous_target(&history);
            assert_eq!(back.to, Some(digest(expected)));
            history.push(ledger.move_alias(&back).await.unwrap());
        }
        assert_eq!(ledger.alias_history(&task("t"), &champion()).await.unwrap(), history);
        let words = ["one", "two", "three", "two", "one"];
        assert_eq!(targets(&history), words.map(|word| Some(digest(word))));
    })
    .await;
}

#[tokio::test]
async fn all_current_aliases_are_listed_once() {
    each_ledger(async |ledger| {
        ledger.move_alias(&request("b", Some("one"), Expected::Anything)).await.unwrap();
        ledger.move_alias(&request("a", Some("two"), Expected::Anything)).await.unwrap();
        ledger.move_alias(&request("b", None, Expected::Anything)).await.unwrap();
        let mut other = request("a", Some("three"), Expected::Anything);
        other.alias = AliasName::parse("challenger").unwrap();
        ledger.move_alias(&other).await.unwrap();
        let current = ledger.current_aliases().await.unwrap();
        let found: Vec<_> =
            current.iter().map(|it| (it.task.as_str(), it.alias.as_str(), it.to.clone())).collect();
        assert_eq!(
            found,
            [
                ("a", "challenger", Some(digest("three"))),
                ("a", "champion", Some(digest("two"))),
                ("b", "champion", None)
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn an_endless_reason_is_refused() {
    each_ledger(async |ledger| {
        let mut endless = request("t", Some("one"), Expected::Anything);
        endless.why = "x".repeat(4097);
        let message = refused!(Invalid, ledger.move_alias(&endless).await);
        assert!(message.contains("4097 bytes"), "{message}");
        assert_eq!(ledger.alias_sequence().await.unwrap(), Sequence::START);
    })
    .await;
}
