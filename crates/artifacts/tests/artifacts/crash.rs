//! `kill -9` in the middle of writes: the store stays valid, what was acknowledged stays, and what
//! was left behind is swept.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use freehold_artifacts::{ArtifactKind, NewArtifact, Store};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{Digest, Random, Seed};
use tempfile::TempDir;

use crate::{file, files_under};

const THIS_TEST: &str = "crash::a_writer_killed_at_any_moment_leaves_a_valid_store";
const CHILD_STORE: &str = "FREEHOLD_TEST_STORE";
const CHILD_SEED: &str = "FREEHOLD_TEST_SEED";

/// Stores without end and says on its output what was acknowledged.
fn store_until_killed(root: &Path, seed: u64) -> ! {
    let store = Store::open(root).unwrap();
    let mut random = Random::new(Seed(seed));
    let mut output = std::io::stdout();
    writeln!(output, "\nready").unwrap();
    loop {
        let size = 1000 + random.below(400_000);
        let content: Vec<u8> = (0..size).map(|_| random.bits() as u8).collect();
        let artifact = NewArtifact {
            kind: ArtifactKind::Run,
            files: vec![file("weights.safetensors", content), file("run.json", "{}")],
            links: Vec::new(),
            about: serde_json::Value::Null,
        };
        let digest = store.put(&artifact, &Silent).unwrap();
        store.materialise(&digest).unwrap();
        writeln!(output, "\nkept {digest}").unwrap();
        output.flush().unwrap();
    }
}

/// Lets a child write, kills it some microseconds after it said something for the n-th time, and
/// returns what it acknowledged.
fn acknowledged(root: &Path, seed: u64, lines: usize) -> Vec<Digest> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", THIS_TEST, "--nocapture"])
        .env(CHILD_STORE, root)
        .env(CHILD_SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut kept, mut said) = (Vec::new(), 0);
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        let whole = line.strip_suffix('\n').unwrap_or("");
        said += usize::from(whole == "ready" || whole.starts_with("kept "));
        if let Some(digest) = whole.strip_prefix("kept ") {
            kept.push(Digest::parse(digest).unwrap());
        }
        if said == lines {
            // Spends a different number of instructions each time, so that kills fall everywhere.
            let mut random = Random::new(Seed(seed));
            let spins = random.below(2_000_000);
            std::hint::black_box((0..spins).fold(0, |sum, _| sum ^ random.bits()));
            child.kill().unwrap();
            said += 1;
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(said > lines, "the child ended by itself");
    kept
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_valid_store() {
    if let (Ok(root), Ok(seed)) = (std::env::var(CHILD_STORE), std::env::var(CHILD_SEED)) {
        store_until_killed(Path::new(&root), seed.parse().unwrap());
    }
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("artifacts");
    let mut all = Vec::new();
    let mut swept = 0;
    for round in 0..30 {
        all.extend(acknowledged(&root, round, 1 + round as usize % 3));
        swept += files_under(&root.join(".work")).len();
        let store = Store::open(&root).unwrap();
        assert!(files_under(&root.join(".work")).is_empty(), "round {round}");
        let report = store.verify_all().unwrap();
        let faults: Vec<_> = report.faults().collect();
        assert!(faults.is_empty(), "round {round}: {faults:?}");
        let listed = store.list(ArtifactKind::Run).unwrap();
        let lost = all.iter().filter(|kept| !listed.iter().any(|it| it.digest == **kept)).count();
        assert_eq!(lost, 0, "round {round}");
    }
    // The kills did fall into writes.
    assert!(swept > 0);
}
