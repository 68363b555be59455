//! A lost or damaged index is made again from the blobs.

use std::fs;

use freehold_artifacts::{ArtifactKind, Store};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;

use crate::{dataset, model_version, new_store, overwrite, put_dataset, put_version, refused};

/// A store with three artifacts; does something to the index, and expects the repair to list all
/// three again, in the order in which they were stored where the old index still said it.
#[track_caller]
fn check(damage: impl Fn(&std::path::Path, String), in_order: bool) {
    let (_folder, store) = new_store();
    let data = put_dataset(&store, "some rows");
    let version = put_version(&store, &model_version(&data, &Digest::of("run")));
    let other = put_dataset(&store, "other rows");
    let index = store.root().join("index.json");
    let text = fs::read_to_string(&index).unwrap();
    damage(&index, text);
    let repaired = Store::repair(store.root()).unwrap();
    assert_eq!((repaired.listed, repaired.incomplete.len()), (3, 0), "{repaired:?}");
    let store = Store::open(store.root()).unwrap();
    assert!(store.verify_all().unwrap().is_intact());
    let mut datasets: Vec<Digest> =
        store.list(ArtifactKind::Dataset).unwrap().into_iter().map(|it| it.digest).collect();
    let mut expected = vec![data, other];
    if !in_order {
        datasets.sort();
        expected.sort();
    }
    assert_eq!(datasets, expected);
    assert_eq!(store.list(ArtifactKind::ModelVersion).unwrap()[0].digest, version);
    // A second repair finds nothing to do.
    let again = Store::repair(store.root()).unwrap();
    assert_eq!((again.added.len(), again.set_aside), (0, None));
}

#[test]
fn a_lost_index_is_made_again() {
    check(|path, _| fs::remove_file(path).unwrap(), false);
}

#[test]
fn a_damaged_index_is_made_again() {
    check(|path, text| overwrite(path, &text.as_bytes()[..text.len() / 2]), false);
    check(|path, _| overwrite(path, b"\0\0\0\0"), false);
    check(|path, text| overwrite(path, text.replace("dataset.v1", "base.v1").as_bytes()), true);
    check(
        |path, text| overwrite(path, text.replace("artifactType", "artifactTypo").as_bytes()),
        true,
    );
}

#[test]
fn an_index_that_lost_an_entry_finds_it_again() {
    let empty = |path: &std::path::Path, text: String| {
        let start = text.find('[').unwrap();
        overwrite(path, format!("{}[]}}", &text[..start]).as_bytes());
    };
    check(empty, false);
}

#[test]
fn a_sound_index_is_left_as_it_is() {
    check(|_, _| {}, true);
}

#[test]
fn without_repair_a_store_without_its_index_is_refused() {
    let (_folder, store) = new_store();
    put_dataset(&store, "rows");
    fs::remove_file(store.root().join("index.json")).unwrap();
    let message = refused!(Damaged, Store::open(store.root()));
    assert!(message.contains("models verify --repair"), "{message}");
    refused!(NotFound, Store::repair(&store.root().join("elsewhere")));
}

#[test]
fn entries_of_other_tools_and_what_was_replaced_are_kept() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "rows");
    let index = store.root().join("index.json");
    let foreign = format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":3,"artifactType":"application/vnd.other"}}"#,
        Digest::of("foreign")
    );
    let lost = foreign.replace("vnd.other", "vnd.freehold.run.v1");
    let lost = lost.replace(Digest::of("foreign").hex(), Digest::of("lost").hex());
    let before = fs::read_to_string(&index).unwrap();
    let text = before.replace("\"manifests\":[", &format!("\"manifests\":[{foreign},{lost},"));
    overwrite(&index, text.as_bytes());
    let repaired = Store::repair(store.root()).unwrap();
    assert_eq!(repaired.dropped, [Digest::of("lost")]);
    assert_eq!(fs::read_to_string(repaired.set_aside.unwrap()).unwrap(), text);
    let after = fs::read_to_string(&index).unwrap();
    assert!(after.contains("vnd.other") && after.contains(digest.hex()), "{after}");
}

#[test]
fn a_manifest_whose_files_are_gone_is_told_and_not_listed() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "rows");
    fs::remove_file(store.root().join("index.json")).unwrap();
    let blobs = store.root().join("blobs/sha256");
    fs::remove_file(blobs.join(Digest::of("rows").hex())).unwrap();
    let repaired = Store::repair(store.root()).unwrap();
    assert_eq!((repaired.listed, repaired.incomplete), (0, vec![digest.clone()]));
    // Making it again brings it back.
    let store = Store::open(store.root()).unwrap();
    assert_eq!(store.put(&dataset("rows", &[]), &Silent).unwrap(), digest);
    assert!(store.verify_all().unwrap().is_intact());
}
