//! What goes in comes out, under the same name everywhere.

use freehold_artifacts::{ArtifactKind, FileRole, Store};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;

use crate::{dataset, file, model_version, new_store, put_dataset, put_version, refused};

#[test]
fn an_artifact_comes_back_whole() {
    let (folder, store) = new_store();
    let parent = put_dataset(&store, "old");
    let digest = store.put(&dataset("rows", &[&parent]), &Silent).unwrap();
    let reopened = Store::open(&folder.path().join("artifacts")).unwrap();
    let artifact = reopened.get(&digest).unwrap();
    assert_eq!(artifact.kind(), ArtifactKind::Dataset);
    assert_eq!(artifact.about(), &serde_json::json!({"rows": 4}));
    assert_eq!(artifact.links()[0].digest, parent);
    assert_eq!(artifact.read("train.parquet").unwrap(), b"rows");
    let path = artifact.path("train.parquet").unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"rows");
    let names: Vec<&str> = artifact.files().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["manifest.json", "train.parquet"]);
    assert_eq!(artifact.files()[1].role, FileRole::Data);
    assert!(artifact.version().is_none());
    let message = refused!(NotFound, artifact.read("test.parquet"));
    assert!(message.contains("`test.parquet` in dataset"), "{message}");
}

#[test]
fn the_same_content_has_the_same_name_in_every_store() {
    let ((_one, first), (_two, second)) = (new_store(), new_store());
    let mut shuffled = dataset("rows", &[]);
    shuffled.files.reverse();
    let digest = put_dataset(&first, "rows");
    assert_eq!(second.put(&shuffled, &Silent).unwrap(), digest);
    assert_ne!(put_dataset(&second, "other rows"), digest);
    // A fixed name guards against a change of format that nobody meant.
    assert_eq!(digest.short(), "8ea439b4b4fa");
}

#[test]
fn storing_again_changes_nothing() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "rows");
    let index = store.root().join("index.json");
    let before = std::fs::metadata(&index).unwrap().modified().unwrap();
    assert_eq!(put_dataset(&store, "rows"), digest);
    assert_eq!(std::fs::metadata(&index).unwrap().modified().unwrap(), before);
    assert_eq!(store.list(ArtifactKind::Dataset).unwrap().len(), 1);
}

#[test]
fn kinds_are_listed_apart_in_their_order() {
    let (_folder, store) = new_store();
    let (one, two) = (put_dataset(&store, "one"), put_dataset(&store, "two"));
    let version = put_version(&store, &model_version(&one, &two));
    let listed = |kind| -> Vec<Digest> {
        store.list(kind).unwrap().into_iter().map(|it| it.digest).collect()
    };
    assert_eq!(listed(ArtifactKind::Dataset), [one, two]);
    assert_eq!(listed(ArtifactKind::ModelVersion), std::slice::from_ref(&version));
    assert!(listed(ArtifactKind::Base).is_empty());
    assert!(store.contains(&version).unwrap());
    assert!(!store.contains(&Digest::of("nothing")).unwrap());
}

#[test]
fn people_may_abbreviate_a_name() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "one");
    assert_eq!(store.resolve(digest.short()).unwrap(), digest);
    assert_eq!(store.resolve(&digest.to_string()).unwrap(), digest);
    refused!(Invalid, store.resolve(&digest.hex()[..5]));
    refused!(Invalid, store.resolve("not hexadecimal"));
    refused!(NotFound, store.resolve(Digest::of("nothing").short()));
    refused!(NotFound, store.get(&Digest::of("nothing")));
}

#[test]
fn a_version_carries_its_description() {
    let (_folder, store) = new_store();
    let version = model_version(&Digest::of("data"), &Digest::of("run"));
    let artifact = store.get(&put_version(&store, &version)).unwrap();
    assert_eq!(artifact.version(), Some(&version));
    assert!(artifact.has("model_version.json") && artifact.has("tokenizer.json"));
    assert_eq!(artifact.links().len(), 2);
}

#[test]
fn what_cannot_be_one_artifact_is_refused() {
    let (_folder, store) = new_store();
    let mut twice = dataset("rows", &[]);
    twice.files.push(file("manifest.json", "again"));
    let message = refused!(Invalid, store.put(&twice, &Silent));
    assert!(message.contains("`manifest.json`"), "{message}");
    let mut empty = dataset("rows", &[]);
    empty.files.clear();
    refused!(Invalid, store.put(&empty, &Silent));
    let mut version = dataset("rows", &[]);
    version.kind = ArtifactKind::ModelVersion;
    refused!(Invalid, store.put(&version, &Silent));
    refused!(Invalid, freehold_artifacts::NewFile::bytes("../../etc/passwd", "x"));
    let missing = freehold_artifacts::NewFile::path("a.json", "/nowhere/a.json").unwrap();
    let mut lost = dataset("rows", &[]);
    lost.files.push(missing);
    let message = refused!(Io, store.put(&lost, &Silent));
    assert!(message.contains("/nowhere/a.json"), "{message}");
    assert!(store.list(ArtifactKind::Dataset).unwrap().is_empty());
}
