//! Names of dataset versions.

use freehold_ledger::{NamedDataset, Written};
use freehold_vocabulary::DatasetName;

use crate::{at, digest, each_ledger};

fn naming(name: &str, version: &str, micros: i64) -> NamedDataset {
    NamedDataset {
        name: DatasetName::parse(name).unwrap(),
        digest: digest(version),
        at: at(micros),
    }
}

#[tokio::test]
async fn the_newest_naming_counts_and_the_others_are_remembered() {
    each_ledger(async |ledger| {
        let namings = [naming("b", "one", 1), naming("b", "two", 2), naming("b", "one", 3)];
        for it in &namings {
            assert_eq!(ledger.name_dataset(it).await.unwrap(), Written::New);
        }
        ledger.name_dataset(&naming("a", "other", 4)).await.unwrap();
        let [first, second, third] = namings;
        let newest = ledger.newest_dataset(&first.name).await.unwrap();
        assert_eq!(newest.as_ref(), Some(&third));
        let history = ledger.dataset_history(&first.name).await.unwrap();
        assert_eq!(history, [third.clone(), second, first]);
        assert_eq!(ledger.datasets().await.unwrap(), [naming("a", "other", 4), third]);
    })
    .await;
}

#[tokio::test]
async fn naming_the_same_version_again_changes_nothing() {
    each_ledger(async |ledger| {
        ledger.name_dataset(&naming("a", "one", 1)).await.unwrap();
        let again = ledger.name_dataset(&naming("a", "one", 9)).await.unwrap();
        assert_eq!(again, Written::AlreadyKnown);
        assert_eq!(ledger.datasets().await.unwrap(), [naming("a", "one", 1)]);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_name_is_not_an_error() {
    each_ledger(async |ledger| {
        let name = DatasetName::parse("nobody").unwrap();
        assert_eq!(ledger.newest_dataset(&name).await.unwrap(), None);
        assert!(ledger.dataset_history(&name).await.unwrap().is_empty());
    })
    .await;
}
