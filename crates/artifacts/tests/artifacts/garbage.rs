//! What nothing reaches can be removed, and nothing else.

use std::fs;
use std::path::Path;

use freehold_artifacts::{ArtifactKind, NewArtifact, Store};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;

use crate::{
    dataset, file, files_under, model_version, new_store, overwrite, put_dataset, put_version,
    refused,
};

fn stray(store: &Store, content: &str) -> Digest {
    let digest = Digest::of(content);
    fs::write(store.root().join("blobs/sha256").join(digest.hex()), content).unwrap();
    digest
}

/// Takes an artifact out of the index, as if its writer had died before the last step.
fn unlist(store: &Store, digest: &Digest) {
    let path = store.root().join("index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let manifests = index["manifests"].as_array_mut().unwrap();
    manifests.retain(|it| it["digest"] != digest.to_string());
    overwrite(&path, index.to_string().as_bytes());
}

#[track_caller]
fn check(store: &Store, roots: &[Digest], garbage: &[&Digest]) {
    let mut expected: Vec<Digest> = garbage.iter().map(|it| (*it).clone()).collect();
    expected.sort();
    let before = files_under(store.root());
    let seen = store.garbage(roots).unwrap();
    assert_eq!(files_under(store.root()), before, "looking removes nothing");
    let found: Vec<Digest> = seen.blobs.iter().map(|it| it.digest.clone()).collect();
    assert_eq!(found, expected);
    assert_eq!(store.collect(roots).unwrap(), seen);
    assert!(store.garbage(roots).unwrap().blobs.is_empty());
    assert!(store.verify_all().unwrap().is_intact());
}

#[test]
fn only_what_nothing_points_at_goes() {
    let (_folder, store) = new_store();
    let data = put_dataset(&store, "some rows");
    let version = put_version(&store, &model_version(&data, &Digest::of("run")));
    store.materialise(&version).unwrap();
    check(&store, &[], &[]);
    let stray = stray(&store, "left by a killed writer");
    check(&store, &[], &[&stray]);
    assert!(store.get(&version).is_ok() && store.get(&data).is_ok());
    assert!(store.materialise(&version).unwrap().join("tokenizer.json").exists());
}

#[test]
fn what_the_ledger_remembers_stays_with_everything_behind_it() {
    let (_folder, store) = new_store();
    let parent = put_dataset(&store, "parent");
    let child = store.put(&dataset("child", &[&parent]), &Silent).unwrap();
    let version = put_version(&store, &model_version(&child, &Digest::of("run")));
    for digest in [&parent, &child, &version] {
        unlist(&store, digest);
    }
    // The version names its data, the data names its parent, and each manifest its blobs.
    check(&store, std::slice::from_ref(&version), &[]);
    assert!(store.get(&parent).is_ok());
    // A root that was never stored here protects nothing and stops nothing.
    let found = store.garbage(&[child, Digest::of("never stored")]).unwrap();
    let found: Vec<&Digest> = found.blobs.iter().map(|it| &it.digest).collect();
    assert!(found.contains(&&version) && !found.contains(&&parent), "{found:?}");
}

#[test]
fn behind_what_cannot_be_read_anything_may_lie() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "rows");
    stray(&store, "stray");
    let path = store.root().join("blobs/sha256").join(digest.hex());
    let whole = fs::read(&path).unwrap();
    let before = files_under(store.root());
    overwrite(&path, b"{}");
    refused!(Damaged, store.collect(&[]));
    fs::remove_file(&path).unwrap();
    refused!(Damaged, store.collect(&[]));
    overwrite(&path, &whole);
    assert_eq!(files_under(store.root()), before);
}

#[test]
fn a_folder_for_loaders_goes_with_its_artifact() {
    let (_folder, store) = new_store();
    let digest = put_dataset(&store, "rows");
    let folder = store.materialise(&digest).unwrap();
    unlist(&store, &digest);
    assert_eq!(store.collect(&[]).unwrap().blobs.len(), 4);
    assert!(!folder.exists());
}

const THIS_TEST: &str = "garbage::a_collector_killed_at_any_moment_harms_nothing";
const CHILD_STORE: &str = "FREEHOLD_TEST_GARBAGE";

/// Makes garbage and collects it, loses the index and repairs it, without end.
fn collect_until_killed(root: &Path) -> ! {
    for round in 0.. {
        if round % 4 == 0 {
            fs::remove_file(root.join("index.json")).unwrap();
            Store::repair(root).unwrap();
        }
        let store = Store::open(root).unwrap();
        for n in 0..20 {
            stray(&store, &format!("{round} {n}"));
        }
        store.collect(&[]).unwrap();
        println!("\nround");
    }
    unreachable!("the rounds have no end")
}

#[test]
fn a_collector_killed_at_any_moment_harms_nothing() {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    if let Ok(root) = std::env::var(CHILD_STORE) {
        collect_until_killed(Path::new(&root));
    }
    let (_folder, store) = new_store();
    let run = |n: u32| NewArtifact {
        kind: ArtifactKind::Run,
        files: vec![file("run.json", format!("{{\"n\": {n}}}"))],
        links: Vec::new(),
        about: serde_json::Value::Null,
    };
    let kept: Vec<Digest> = (0..10).map(|n| store.put(&run(n), &Silent).unwrap()).collect();
    for round in 0..20usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", THIS_TEST, "--nocapture"])
            .env(CHILD_STORE, store.root())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let rounds = lines.map(Result::unwrap).filter(|line| line == "round");
        assert_eq!(rounds.take(1 + round % 4).count(), 1 + round % 4);
        child.kill().unwrap();
        child.wait().unwrap();
        // The child takes the index away itself; only then may it be missing.
        if !store.root().join("index.json").exists() {
            Store::repair(store.root()).unwrap();
        }
        let store = Store::open(store.root()).unwrap();
        assert!(store.verify_all().unwrap().is_intact(), "round {round}");
        let listed = store.list(ArtifactKind::Run).unwrap();
        let mut listed: Vec<Digest> = listed.into_iter().map(|it| it.digest).collect();
        listed.sort();
        let mut expected = kept.clone();
        expected.sort();
        assert_eq!(listed, expected, "round {round}");
    }
    store.collect(&[]).unwrap();
    assert!(store.garbage(&[]).unwrap().blobs.is_empty());
}
