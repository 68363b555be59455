//! A flipped byte anywhere is found, and refused where it would be loaded.

use std::fs;
use std::path::Path;

use freehold_artifacts::{BlobState, Store};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;

use crate::{
    dataset, files_under, model_version, new_store, overwrite, put_dataset, put_version, refused,
};

fn blob(store: &Store, digest: &Digest) -> std::path::PathBuf {
    store.root().join("blobs/sha256").join(digest.hex())
}

fn found_by_verify(root: &Path) -> bool {
    match Store::open(root).and_then(|store| store.verify_all()) {
        Ok(report) => !report.is_intact(),
        Err(_) => true,
    }
}

#[test]
fn a_flipped_byte_anywhere_is_found() {
    let (_folder, store) = new_store();
    let data = put_dataset(&store, "some rows");
    put_version(&store, &model_version(&data, &Digest::of("run")));
    assert!(!found_by_verify(store.root()));
    let files = files_under(store.root());
    let kept: Vec<&String> = files.iter().filter(|it| !it.starts_with('.')).collect();
    assert_eq!(kept.len(), 12, "{kept:?}");
    for file in kept {
        let path = store.root().join(file);
        let whole = fs::read(&path).unwrap();
        // Every byte of index and marker; blobs are all checked alike.
        let step = if file.starts_with("blobs") { 97 } else { 1 };
        for position in (0..whole.len()).step_by(step) {
            let mut flipped = whole.clone();
            flipped[position] ^= 1;
            overwrite(&path, &flipped);
            assert!(found_by_verify(store.root()), "{file}, byte {position}");
        }
        overwrite(&path, &whole);
    }
    assert!(!found_by_verify(store.root()));
}

#[test]
fn the_report_says_what_happened_to_which_file() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "some rows");
    let path = blob(&store, &Digest::of("some rows"));
    let state = |bytes: &[u8]| {
        overwrite(&path, bytes);
        let report = store.verify(&digest).unwrap();
        let faults: Vec<_> = report.faults().cloned().collect();
        assert_eq!(faults.len(), 1, "{faults:?}");
        let name = format!("file `train.parquet` of dataset {}", digest.short());
        assert_eq!((&faults[0].name, faults[0].bytes), (&name, Some(9)));
        faults[0].state.clone()
    };
    assert_eq!(state(b"some"), BlobState::Truncated { found: 4 });
    assert_eq!(state(b""), BlobState::Truncated { found: 0 });
    assert_eq!(state(b"some rows and more"), BlobState::WrongSize { found: 18 });
    let found = Digest::of("Some rows");
    assert_eq!(state(b"Some rows"), BlobState::WrongDigest { found });
    fs::remove_file(&path).unwrap();
    let report = store.verify(&digest).unwrap();
    assert_eq!(report.faults().next().unwrap().state, BlobState::Missing);
    refused!(NotFound, store.verify(&Digest::of("nothing")));
}

#[test]
fn a_damaged_file_is_refused_at_load_by_its_name() {
    let (folder, store) = new_store();
    let version = model_version(&Digest::of("data"), &Digest::of("run"));
    let digest = put_version(&store, &version);
    let weights = blob(&store, &Digest::of(vec![7; 5000]));
    let mut bytes = fs::read(&weights).unwrap();
    bytes[4000] ^= 0x80;
    overwrite(&weights, &bytes);
    let artifact = store.get(&digest).unwrap();
    let message = refused!(Damaged, artifact.read("adapter_model.safetensors"));
    assert!(message.contains("`adapter_model.safetensors` is damaged"), "{message}");
    refused!(Damaged, artifact.path("adapter_model.safetensors"));
    refused!(Damaged, store.materialise(&digest));
    let target = folder.path().join("export");
    refused!(Damaged, store.export(&digest, &target));
    assert!(!target.exists());
    assert_eq!(artifact.read("tokenizer.json").unwrap(), b"{}");
    // Storing the same again mends it.
    put_version(&store, &version);
    assert!(store.verify_all().unwrap().is_intact());
}

#[test]
fn a_damaged_manifest_config_or_description_is_refused() {
    for part in ["manifest", "config", "model_version.json"] {
        let (_folder, store) = new_store();
        let digest = put_version(&store, &model_version(&Digest::of("d"), &Digest::of("r")));
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(blob(&store, &digest)).unwrap()).unwrap();
        let text = match part {
            "manifest" => digest.to_string(),
            "config" => manifest["config"]["digest"].as_str().unwrap().to_owned(),
            _ => manifest["layers"][3]["digest"].as_str().unwrap().to_owned(),
        };
        let path = blob(&store, &Digest::parse(&text).unwrap());
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] = b' ';
        overwrite(&path, &bytes);
        let message = refused!(Damaged, store.get(&digest));
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn what_nothing_points_at_is_told_and_harmless() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "one");
    let stray = Digest::of("stray");
    fs::write(blob(&store, &stray), "stray").unwrap();
    let report = store.verify_all().unwrap();
    assert!(report.is_intact());
    let strays: Vec<_> =
        report.blobs.iter().filter(|it| it.state == BlobState::Unreferenced).collect();
    assert_eq!(strays.len(), 1);
    assert_eq!(strays[0].digest, stray);
    assert!(store.get(&digest).is_ok());
}

#[test]
fn an_entry_that_lies_about_its_manifest_is_found() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "one");
    let path = store.root().join("index.json");
    let index = fs::read_to_string(&path).unwrap();
    overwrite(&path, index.replace("freehold.dataset.v1", "freehold.base.v1").as_bytes());
    let report = store.verify_all().unwrap();
    let fault = report.faults().next().unwrap();
    assert!(fault.name.starts_with("index entry"), "{fault:?}");
    // Storing it again puts the entry right.
    assert_eq!(store.put(&dataset("one", &[]), &Silent).unwrap(), digest);
    assert!(store.verify_all().unwrap().is_intact());
}
