//! A disk without room: a clear error, and nothing half-written.

use std::path::Path;
use std::process::Command;

use freehold_artifacts::{ArtifactError, ArtifactKind, Store};
use freehold_vocabulary::ports::Silent;
use tempfile::TempDir;

use crate::{dataset, files_under, put_dataset};

const THIS_TEST: &str = "full_disk::no_room_is_said_and_nothing_is_half_written";
const CHILD_STORE: &str = "FREEHOLD_TEST_FULL_STORE";

/// The system refuses to let any file of the child grow beyond a limit, which a program meets like
/// a quota: `write` fails in the middle of a file.
#[test]
fn no_room_is_said_and_nothing_is_half_written() {
    if let Ok(root) = std::env::var(CHILD_STORE) {
        let store = Store::open(Path::new(&root)).unwrap();
        let error = store.put(&dataset(&"x".repeat(4_000_000), &[]), &Silent).unwrap_err();
        assert!(matches!(error, ArtifactError::NoSpace { .. }), "{error:?}");
        assert!(error.to_string().contains("free some space"), "{error}");
        return;
    }
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("artifacts");
    let store = Store::open(&root).unwrap();
    let before = put_dataset(&store, "small");
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", THIS_TEST])
        .env(CHILD_STORE, &root)
        .status()
        .unwrap();
    assert!(status.success());
    assert!(files_under(&root.join(".work")).is_empty());
    assert!(store.verify_all().unwrap().is_intact());
    let listed = store.list(ArtifactKind::Dataset).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].digest, before);
}
