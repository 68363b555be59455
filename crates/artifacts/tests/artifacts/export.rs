//! Artifacts as folders.

use std::fs;

use freehold_artifacts::NewFile;
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;

use crate::{
    dataset, file, files_under, model_version, new_store, overwrite, put_dataset, put_version,
    refused,
};

#[test]
fn an_export_is_a_copy_that_may_be_edited() {
    let (folder, store) = new_store();
    let digest = put_version(&store, &model_version(&Digest::of("d"), &Digest::of("r")));
    let target = folder.path().join("out/model");
    store.export(&digest, &target).unwrap();
    let names = [
        "adapter_config.json",
        "adapter_model.safetensors",
        "model_card.md",
        "model_version.json",
        "tokenizer.json",
    ];
    assert_eq!(files_under(&target), names);
    fs::write(target.join("tokenizer.json"), "edited").unwrap();
    assert!(store.verify_all().unwrap().is_intact());
    let message = refused!(Invalid, store.export(&digest, &target));
    assert!(message.contains("not empty"), "{message}");
    assert_eq!(fs::read(target.join("tokenizer.json")).unwrap(), b"edited");
    assert_eq!(files_under(&folder.path().join("out")).len(), names.len());
    refused!(NotFound, store.export(&Digest::of("nothing"), &folder.path().join("x")));
}

#[test]
fn a_loader_gets_files_under_their_names_and_folders() {
    let (_folder, store) = new_store();
    let mut nested = dataset("rows", &[]);
    nested.files = vec![file("1_Pooling/config.json", "{}"), file("config.json", "{}")];
    let digest = store.put(&nested, &Silent).unwrap();
    let folder = store.materialise(&digest).unwrap();
    assert_eq!(files_under(&folder), ["1_Pooling/config.json", "config.json"]);
    assert_eq!(store.materialise(&digest).unwrap(), folder);
}

#[test]
fn a_folder_that_was_tampered_with_is_made_anew() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "rows");
    let folder = store.materialise(&digest).unwrap();
    let tamper: [&dyn Fn(); 4] = [
        &|| overwrite(&folder.join("train.parquet"), b"ROWS"),
        &|| fs::remove_file(folder.join("train.parquet")).unwrap(),
        &|| fs::write(folder.join("extra.py"), "import os").unwrap(),
        &|| {
            fs::create_dir_all(folder.join("a/b"))
                .and_then(|()| fs::write(folder.join("a/b/c"), "x"))
                .unwrap()
        },
    ];
    for change in tamper {
        change();
        assert_eq!(store.materialise(&digest).unwrap(), folder);
        assert_eq!(files_under(&folder), ["manifest.json", "train.parquet"]);
        assert_eq!(fs::read(folder.join("train.parquet")).unwrap(), b"rows");
    }
    assert!(store.verify_all().unwrap().is_intact());
}

#[test]
fn large_files_are_stored_from_disk() {
    let (folder, store) = new_store();
    let path = folder.path().join("large");
    fs::write(&path, vec![3; 3_000_000]).unwrap();
    let mut large = dataset("rows", &[]);
    large.files = vec![NewFile::path("large.parquet", &path).unwrap()];
    let artifact = store.get(&store.put(&large, &Silent).unwrap()).unwrap();
    assert_eq!(artifact.files()[0].bytes, 3_000_000);
    assert_eq!(artifact.files()[0].digest, Digest::of(vec![3; 3_000_000]));
    // The original may go.
    fs::remove_file(&path).unwrap();
    assert_eq!(artifact.read("large.parquet").unwrap().len(), 3_000_000);
}
