//! The store from outside: its layout, its promises under damage, crashes and competition, and
//! where bases come from.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected should panic")]

mod base_catalogue;
mod base_folder;
mod base_hub;
mod base_pip;
mod card;
mod concurrency;
mod crash;
mod damage;
mod export;
mod full_disk;
mod garbage;
mod layout;
mod lineage;
mod model_pack;
mod repair;
mod store;

use std::path::Path;

use freehold_artifacts::model_pack::ModelFacts;
use freehold_artifacts::{ArtifactKind, Link, LinkRole, NewArtifact, NewFile, Store};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{
    Digest, Label, LabelMode, LabelSet, Lineage, ModelFamily, ModelVersion, TaskName, Timestamp,
};
use tempfile::TempDir;

fn new_store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("artifacts")).unwrap();
    (folder, store)
}

fn file(name: &str, content: impl Into<Vec<u8>>) -> NewFile {
    NewFile::bytes(name, content).unwrap()
}

fn dataset(content: &str, parents: &[&Digest]) -> NewArtifact {
    let parent = |digest: &&Digest| Link { role: LinkRole::Parent, digest: (*digest).clone() };
    NewArtifact {
        kind: ArtifactKind::Dataset,
        files: vec![file("train.parquet", content), file("manifest.json", "{}")],
        links: parents.iter().map(parent).collect(),
        about: serde_json::json!({"rows": content.len()}),
    }
}

fn put_dataset(store: &Store, content: &str) -> Digest {
    store.put(&dataset(content, &[]), &Silent).unwrap()
}

fn model_version(dataset: &Digest, run: &Digest) -> ModelVersion {
    let labels = ["card lost", "refund"].map(|word| Label::parse(word).unwrap());
    ModelVersion {
        task: TaskName::parse("tickets").unwrap(),
        family: ModelFamily::Encoder,
        mode: LabelMode::Single,
        labels: LabelSet::new(labels.to_vec()).unwrap(),
        created_at: Timestamp::parse("2026-11-20T12:00:00Z").unwrap(),
        lineage: Lineage {
            base: None,
            dataset: dataset.clone(),
            run: run.clone(),
            evaluation: None,
            parent: None,
        },
    }
}

fn put_version(store: &Store, version: &ModelVersion) -> Digest {
    let files = [
        file("adapter_model.safetensors", vec![7; 5000]),
        file("adapter_config.json", "{\"r\": 8}"),
        file("tokenizer.json", "{}"),
        file("model_card.md", "# card"),
    ];
    let facts = ModelFacts { architecture: Some("bert".into()), ..ModelFacts::default() };
    store.put_version(version, &facts, &files, &Silent).unwrap()
}

/// Every file under a folder, relative, sorted.
fn files_under(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Writes over a file even if it is read-only, as a failing disk would.
fn overwrite(path: &Path, bytes: &[u8]) {
    let _ = std::fs::remove_file(path);
    std::fs::write(path, bytes).unwrap();
}

/// The message of a refusal, after checking of which kind it is.
macro_rules! refused {
    ($kind:ident, $outcome:expr) => {{
        match $outcome {
            Err(error @ freehold_artifacts::ArtifactError::$kind { .. }) => error.to_string(),
            other => panic!("expected {}, found {other:?}", stringify!($kind)),
        }
    }};
}
pub(crate) use refused;
