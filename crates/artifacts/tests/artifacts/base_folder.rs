//! Bases from a folder, and what a model directory must hold.

use std::fs;
use std::path::Path;

use freehold_artifacts::{ArtifactKind, fetch_base};
use freehold_vocabulary::ports::Silent;
use tempfile::TempDir;

use crate::{new_store, put_dataset, refused};

/// The smallest safetensors file: one number.
pub(crate) fn safetensors() -> Vec<u8> {
    let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat()
}

/// The files of the smallest base, and some that are no part of it.
pub(crate) fn base_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("config.json", br#"{"model_type": "bert"}"#.to_vec()),
        ("tokenizer.json", b"{}".to_vec()),
        ("model.safetensors", safetensors()),
        ("1_Pooling/config.json", b"{}".to_vec()),
        ("README.md", b"# model".to_vec()),
        ("pytorch_model.bin", b"pickle".to_vec()),
        ("modeling.py", b"import os".to_vec()),
        ("onnx/model.onnx", b"onnx".to_vec()),
    ]
}

pub(crate) const KEPT: [&str; 4] =
    ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"];

pub(crate) fn write_base(folder: &Path) {
    for (name, content) in base_files() {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[test]
fn only_the_files_of_the_model_are_kept() {
    let (folder, store) = new_store();
    let source = folder.path().join("my model");
    write_base(&source);
    let reference = format!("file:{}", source.display());
    let digest = fetch_base(&store, &reference, &Silent).unwrap();
    let artifact = store.get(&digest).unwrap();
    assert_eq!(artifact.kind(), ArtifactKind::Base);
    let names: Vec<&str> = artifact.files().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, KEPT);
    assert_eq!(artifact.about()["model_type"], "bert");
    assert_eq!(fetch_base(&store, &reference, &Silent).unwrap(), digest);
    assert_eq!(fetch_base(&store, &digest.to_string(), &Silent).unwrap(), digest);
    assert_eq!(store.list(ArtifactKind::Base).unwrap().len(), 1);
}

#[test]
fn a_digest_must_be_that_of_a_base_in_the_store() {
    let (_folder, store) = new_store();
    let data = put_dataset(&store, "rows").to_string();
    let message = refused!(Invalid, fetch_base(&store, &data, &Silent));
    assert!(message.contains("it is a dataset"), "{message}");
    let unknown = freehold_vocabulary::Digest::of("x").to_string();
    refused!(NotFound, fetch_base(&store, &unknown, &Silent));
}

/// What is said when one file of a good base is replaced, or removed.
#[track_caller]
fn check(name: &str, content: Option<&[u8]>, expected: &str) {
    let folder = TempDir::new().unwrap();
    let (_other, store) = new_store();
    write_base(folder.path());
    match content {
        Some(content) => fs::write(folder.path().join(name), content).unwrap(),
        None => fs::remove_file(folder.path().join(name)).unwrap(),
    }
    let reference = format!("file:{}", folder.path().display());
    let message = refused!(Refused, fetch_base(&store, &reference, &Silent));
    assert!(message.contains(expected), "{message}");
    assert!(store.list(ArtifactKind::Base).unwrap().is_empty());
}

#[test]
fn an_incomplete_directory_is_refused() {
    check("config.json", None, "`config.json` is missing");
    check("tokenizer.json", None, "`tokenizer.json` is missing");
    check("model.safetensors", None, "no `model.safetensors`; convert");
    let index = br#"{"weight_map": {"w": "model-00001-of-00002.safetensors"}}"#;
    check("model.safetensors.index.json", Some(index), "shard `model-00001-of-00002");
}

#[test]
fn broken_files_are_refused() {
    check("config.json", Some(b"{"), "`config.json`: EOF");
    check("config.json", Some(b"{}"), "missing field `model_type`");
    check("config.json", Some(b"\xff\xfe{\0"), "`config.json`");
    check("config.json", Some(br#"{"model_type": "llama"}"#), "`llama` is not supported; choose");
    check("tokenizer.json", Some(b"[]"), "`tokenizer.json`");
    let whole = safetensors();
    check("model.safetensors", Some(b""), "ends before its header");
    check("model.safetensors", Some(&whole[..20]), "ends inside its header");
    check("model.safetensors", Some(&whole[..whole.len() - 1]), "its header promises");
    check("model.safetensors", Some(&[&whole[..], b"x"].concat()), "its header promises");
    check("model.safetensors", Some(&[0xff; 64]), "its header claims");
    let garbage = [&8u64.to_le_bytes()[..], b"not json"].concat();
    check("model.safetensors", Some(&garbage), "its header:");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let (_folder, store) = new_store();
    let message = refused!(Io, fetch_base(&store, "file:/nowhere/model", &Silent));
    assert!(message.contains("/nowhere/model"), "{message}");
    refused!(Invalid, fetch_base(&store, "s3:bucket/model", &Silent));
}
