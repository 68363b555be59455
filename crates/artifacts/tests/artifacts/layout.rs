//! The folder is an OCI image layout that other tools can read.

use std::fs;

use freehold_artifacts::{ArtifactKind, Store};
use freehold_vocabulary::Digest;
use serde_json::{Value, json};

use crate::{files_under, model_version, new_store, overwrite, put_dataset, put_version, refused};

fn read_json(path: &std::path::Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The document that a descriptor points at, after checking its length and digest.
fn follow(store: &Store, descriptor: &Value) -> Vec<u8> {
    let digest = Digest::parse(descriptor["digest"].as_str().unwrap()).unwrap();
    let bytes = fs::read(store.root().join("blobs/sha256").join(digest.hex())).unwrap();
    assert_eq!(Digest::of(&bytes), digest);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

#[test]
fn every_document_is_what_the_specification_says() {
    let (_folder, store) = new_store();
    let digest = put_version(&store, &model_version(&Digest::of("d"), &Digest::of("r")));
    assert_eq!(read_json(&store.root().join("oci-layout")), json!({"imageLayoutVersion": "1.0.0"}));
    let index = read_json(&store.root().join("index.json"));
    assert_eq!(index["schemaVersion"], 2);
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    let entry = &index["manifests"][0];
    assert_eq!(entry["digest"], digest.to_string());
    assert_eq!(entry["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    let name = format!("model-version-{}", digest.short());
    assert_eq!(entry["annotations"]["org.opencontainers.image.ref.name"], name);
    let manifest: Value = serde_json::from_slice(&follow(&store, entry)).unwrap();
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(manifest["mediaType"], entry["mediaType"]);
    follow(&store, &manifest["config"]);
    for layer in manifest["layers"].as_array().unwrap() {
        follow(&store, layer);
    }
}

#[test]
fn a_fresh_store_holds_marker_and_empty_index_only() {
    let (_folder, store) = new_store();
    let files: Vec<String> =
        files_under(store.root()).into_iter().filter(|it| !it.starts_with('.')).collect();
    assert_eq!(files, ["index.json", "oci-layout"]);
    assert!(store.verify_all().unwrap().blobs.is_empty());
}

#[test]
fn what_other_tools_wrote_into_the_index_stays() {
    let (_folder, store) = new_store();
    put_dataset(&store, "one");
    let path = store.root().join("index.json");
    let mut index = read_json(&path);
    let foreign = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": Digest::of("foreign"),
        "size": 7,
        "platform": {"os": "linux", "architecture": "amd64"},
    });
    index["manifests"].as_array_mut().unwrap().push(foreign.clone());
    index["annotations"] = json!({"by": "another tool"});
    overwrite(&path, serde_json::to_string_pretty(&index).unwrap().as_bytes());
    put_dataset(&store, "two");
    let after = read_json(&path);
    assert_eq!(after["manifests"][1], foreign);
    assert_eq!(after["annotations"], index["annotations"]);
    assert_eq!(store.list(ArtifactKind::Dataset).unwrap().len(), 2);
}

#[test]
fn a_layout_of_another_version_is_refused() {
    let (_folder, store) = new_store();
    overwrite(&store.root().join("oci-layout"), b"{\"imageLayoutVersion\":\"2.0.0\"}");
    let message = refused!(Unsupported, Store::open(store.root()));
    assert!(message.contains("2.0.0"), "{message}");
}

#[test]
fn a_lost_or_torn_index_is_damage_and_not_an_empty_store() {
    let (_folder, store) = new_store();
    put_dataset(&store, "one");
    let path = store.root().join("index.json");
    for torn in [&b"{\"schemaVersion\":2,\"mani"[..], b"", b"[]", b"\xff\xfe"] {
        overwrite(&path, torn);
        let message = refused!(Damaged, Store::open(store.root()));
        assert!(message.contains("index.json"), "{message}");
    }
    fs::remove_file(&path).unwrap();
    refused!(Damaged, Store::open(store.root()));
}
