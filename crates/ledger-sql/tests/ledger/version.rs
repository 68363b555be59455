//! The index of model versions.

use freehold_ledger::{VersionRow, Written};
use freehold_vocabulary::ModelFamily;

use crate::{at, digest, each_ledger, task};

fn row(version: &str, of: &str, micros: i64) -> VersionRow {
    let family = if micros % 2 == 0 { ModelFamily::Micro } else { ModelFamily::Encoder };
    VersionRow { digest: digest(version), task: task(of), family, created_at: at(micros) }
}

#[tokio::test]
async fn versions_are_listed_newest_first() {
    each_ledger(async |ledger| {
        for it in [row("one", "a", 1), row("two", "b", 2), row("three", "a", 3)] {
            assert_eq!(ledger.add_version(&it).await.unwrap(), Written::New);
            assert_eq!(ledger.add_version(&it).await.unwrap(), Written::AlreadyKnown);
        }
        let of_a = ledger.versions(Some(&task("a"))).await.unwrap();
        assert_eq!(of_a, [row("three", "a", 3), row("one", "a", 1)]);
        assert_eq!(ledger.versions(None).await.unwrap().len(), 3);
        assert_eq!(ledger.find_version(&digest("two")).await.unwrap(), Some(row("two", "b", 2)));
        assert_eq!(ledger.find_version(&digest("four")).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_index_is_rebuilt_from_what_is_there() {
    each_ledger(async |ledger| {
        ledger.add_version(&row("gone", "a", 1)).await.unwrap();
        let found = [row("two", "a", 2), row("three", "a", 3), row("two", "a", 2)];
        ledger.rebuild_versions(&found).await.unwrap();
        let expected = [row("three", "a", 3), row("two", "a", 2)];
        assert_eq!(ledger.versions(None).await.unwrap(), expected);
        ledger.rebuild_versions(&[]).await.unwrap();
        assert!(ledger.versions(None).await.unwrap().is_empty());
    })
    .await;
}
