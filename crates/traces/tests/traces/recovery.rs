//! What a damaged folder gives back, and what it says about the rest.

use std::fs;
use std::path::{Path, PathBuf};

use freehold_traces::{Finding, Traces, TracesError};
use freehold_vocabulary::ports::TraceLog as _;

use crate::sample::{ask, open, quiet, segment_files, tiny, trace};

/// A closed folder with ten traces in one segment.
async fn one_segment() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    traces.append((0..10).map(trace).collect()).await.unwrap();
    drop(traces);
    let segment = segment_files(folder.path()).pop().unwrap();
    (folder, segment)
}

async fn check_kept(folder: &Path, traces: &Traces, kept: &[u64]) {
    for number in 0..10 {
        let found = traces.find(&trace(number).id).await.unwrap();
        assert_eq!(found, kept.contains(&number).then(|| trace(number)), "trace {number}");
    }
    let count = kept.len().to_string();
    assert_eq!(ask(folder, "SELECT count(*) FROM traces").await, [count]);
}

#[tokio::test]
async fn a_torn_end_is_cut_and_reported() {
    let (folder, segment) = one_segment().await;
    let whole = fs::read(&segment).unwrap();
    fs::write(&segment, &whole[..whole.len() - 5]).unwrap();
    // A reader sees the rest before anybody mends it.
    assert_eq!(ask(folder.path(), "SELECT count(*) FROM traces").await, ["9"]);
    let traces = open(folder.path(), quiet());
    let [Finding::Torn { bytes, offset, .. }] = traces.recovery().findings[..] else {
        panic!("{:?}", traces.recovery());
    };
    assert_eq!(offset + bytes, whole.len() as u64 - 5);
    check_kept(folder.path(), &traces, &[0, 1, 2, 3, 4, 5, 6, 7, 8]).await;
    drop(traces);
    assert_eq!(open(folder.path(), quiet()).recovery().findings, vec![]);
}

#[tokio::test]
async fn damage_in_the_middle_costs_what_it_hit_and_is_set_aside() {
    let (folder, segment) = one_segment().await;
    let mut bytes = fs::read(&segment).unwrap();
    let needle = b"line one of 4";
    let hit = bytes.windows(needle.len()).position(|it| it == needle).unwrap();
    bytes[hit] ^= 0x40;
    fs::write(&segment, &bytes).unwrap();
    let traces = open(folder.path(), quiet());
    let [Finding::Damaged { set_aside, records_kept, .. }] = &traces.recovery().findings[..] else {
        panic!("{:?}", traces.recovery());
    };
    assert_eq!(*records_kept, 9);
    assert_eq!(fs::read(set_aside).unwrap(), bytes);
    check_kept(folder.path(), &traces, &[0, 1, 2, 3, 5, 6, 7, 8, 9]).await;
    traces.compact().await.unwrap();
    check_kept(folder.path(), &traces, &[0, 1, 2, 3, 5, 6, 7, 8, 9]).await;
    assert!(set_aside.is_file(), "the damaged file stays");
}

#[tokio::test]
async fn damage_that_comes_while_the_log_is_open_is_set_aside_before_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    traces.append((0..10).map(trace).collect()).await.unwrap();
    let segment = segment_files(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let last = bytes.len() - 1;
    bytes[last] = 0;
    fs::write(&segment, &bytes).unwrap();
    let error = traces.find(&trace(9).id).await.unwrap_err().to_string();
    assert!(error.contains("was changed on the disk"), "{error}");
    let done = traces.compact().await.unwrap();
    assert_eq!(done.traces, 9);
    assert_eq!(fs::read(&done.set_aside[0]).unwrap(), bytes);
    check_kept(folder.path(), &traces, &[0, 1, 2, 3, 4, 5, 6, 7, 8]).await;
}

#[tokio::test]
async fn a_sealed_segment_never_ends_torn() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), tiny());
    for number in 0..10 {
        traces.append(vec![trace(number)]).await.unwrap();
    }
    drop(traces);
    let first = &segment_files(folder.path())[0];
    let whole = fs::read(first).unwrap();
    fs::write(first, &whole[..whole.len() - 1]).unwrap();
    let findings = open(folder.path(), quiet()).recovery().findings.clone();
    assert!(matches!(findings[..], [Finding::Damaged { .. }]), "{findings:?}");
}

#[tokio::test]
async fn a_segment_that_was_being_created_is_removed() {
    let (folder, segment) = one_segment().await;
    let next = segment.with_file_name("000000000002.log");
    fs::write(&next, b"freeho").unwrap();
    let traces = open(folder.path(), quiet());
    assert!(matches!(traces.recovery().findings[..], [Finding::Torn { bytes: 6, .. }]));
    assert!(!next.exists());
    check_kept(folder.path(), &traces, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).await;
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), quiet());
    let error = Traces::open(folder.path(), quiet()).unwrap_err();
    assert!(matches!(error, TracesError::InUse { .. }), "{error}");
    let who = format!("in use by process {}", std::process::id());
    assert!(error.to_string().contains(&who), "{error}");
    drop(first);
    open(folder.path(), quiet());
}

#[tokio::test]
async fn a_folder_of_another_version_is_refused_and_left_alone() {
    let (folder, segment) = one_segment().await;
    let mut bytes = fs::read(&segment).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(&segment, &bytes).unwrap();
    let error = Traces::open(folder.path(), quiet()).unwrap_err().to_string();
    assert!(error.contains("version 2 of the log format"), "{error}");
    assert_eq!(fs::read(&segment).unwrap(), bytes);

    let (folder, _) = one_segment().await;
    fs::write(folder.path().join("commit.json"), "{\"format\": 1, \"new\": 2}").unwrap();
    let error = Traces::open(folder.path(), quiet()).unwrap_err().to_string();
    assert!(error.contains("commit.json"), "{error}");
}

#[tokio::test]
async fn files_of_others_are_left_alone() {
    let (folder, _) = one_segment().await;
    let theirs = ["notes.txt", "log/7.log", "task=mail/day=2026-11-20/mine.parquet", "task=UP/x"];
    for name in theirs {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"theirs").unwrap();
    }
    let traces = open(folder.path(), quiet());
    traces.compact().await.unwrap();
    check_kept(folder.path(), &traces, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).await;
    for name in theirs {
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"theirs", "{name}");
    }
}
