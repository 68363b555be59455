//! Many writers at once lose nothing.

use std::collections::BTreeSet;
use std::thread;

use freehold_artifacts::{ArtifactKind, Store};
use freehold_vocabulary::Digest;
use tempfile::TempDir;

use crate::{files_under, put_dataset};

/// File locks are held per open file, so stores of one process compete like those of many.
#[test]
fn writers_that_create_and_fill_a_store_at_once_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("artifacts");
    let digests: BTreeSet<Digest> = thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let root = &root;
                scope.spawn(move || {
                    let store = Store::open(root).unwrap();
                    let own = (0..8).map(move |number| format!("{writer}/{number}"));
                    // All of them store the same ones too.
                    let shared = (0..8).map(|number| format!("shared {number}"));
                    let put = |content: String| put_dataset(&store, &content);
                    own.chain(shared).map(put).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(digests.len(), 6 * 8 + 8);
    let store = Store::open(&root).unwrap();
    let listed = store.list(ArtifactKind::Dataset).unwrap();
    assert_eq!(listed.len(), digests.len());
    assert!(listed.iter().all(|it| digests.contains(&it.digest)));
    assert!(store.verify_all().unwrap().is_intact());
    assert!(files_under(&root.join(".work")).is_empty());
}

#[test]
fn loaders_that_ask_for_the_same_folder_at_once_all_get_it() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("artifacts");
    let digest = put_dataset(&Store::open(&root).unwrap(), "rows");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let path = Store::open(&root).unwrap().materialise(&digest).unwrap();
                assert_eq!(std::fs::read(path.join("train.parquet")).unwrap(), b"rows");
            });
        }
    });
}
