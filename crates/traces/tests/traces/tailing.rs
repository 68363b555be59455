//! The newest traces, and what comes after them.

use freehold_traces::{Fresh, Tail, tail};
use freehold_vocabulary::ports::TraceLog as _;
use freehold_vocabulary::{TaskName, Trace};

use crate::sample::{open, quiet, tiny, trace};

fn numbered(numbers: impl IntoIterator<Item = u64>) -> Vec<Trace> {
    numbers.into_iter().map(trace).collect()
}

#[track_caller]
fn check_fresh(tail: &mut Tail, expected: Vec<Trace>) {
    assert_eq!(tail.fresh().unwrap(), Fresh { traces: expected, missed: false });
}

#[tokio::test]
async fn the_newest_come_from_the_log_and_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    // Three days, all but the last compacted.
    for numbers in [[100, 200], [1100, 1200], [2100, 2200]] {
        traces.compact().await.unwrap();
        traces.append(numbered(numbers)).await.unwrap();
    }
    let newest = |count| tail(folder.path(), count, None).unwrap().0;
    assert_eq!(newest(0), vec![]);
    assert_eq!(newest(1), numbered([2200]));
    assert_eq!(newest(3), numbered([1200, 2100, 2200]));
    assert_eq!(newest(100), numbered([100, 200, 1100, 1200, 2100, 2200]));
    // Every third belongs to the other task.
    let mail = TaskName::parse("mail").unwrap();
    assert_eq!(tail(folder.path(), 3, Some(mail)).unwrap().0, numbered([1200, 2100]));
}

#[tokio::test]
async fn following_sees_every_later_trace_once() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), tiny());
    traces.append(numbered(0..5)).await.unwrap();
    let (newest, mut follower) = tail(folder.path(), 2, None).unwrap();
    assert_eq!(newest, numbered(3..5));
    check_fresh(&mut follower, vec![]);
    for number in 5..25 {
        traces.append(numbered([number])).await.unwrap();
        check_fresh(&mut follower, numbered([number]));
    }
    // Seen before they were compacted.
    traces.compact().await.unwrap();
    check_fresh(&mut follower, vec![]);
    // Compacted before they were seen.
    traces.append(numbered(25..30)).await.unwrap();
    traces.compact().await.unwrap();
    traces.append(numbered(30..32)).await.unwrap();
    check_fresh(&mut follower, numbered(25..32));
}

#[tokio::test]
async fn following_survives_a_restart_of_the_writer_and_a_write_in_progress() {
    let folder = tempfile::tempdir().unwrap();
    let mut traces = open(folder.path(), quiet());
    let (_, mut follower) = tail(folder.path(), 0, None).unwrap();
    traces.append(numbered([1])).await.unwrap();
    drop(traces);
    traces = open(folder.path(), quiet());
    traces.append(numbered([2])).await.unwrap();
    check_fresh(&mut follower, numbered([1, 2]));
    // Half of a record, then all of it.
    let segment = crate::sample::segment_files(folder.path()).pop().unwrap();
    traces.append(numbered([3])).await.unwrap();
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &whole[..whole.len() - 10]).unwrap();
    check_fresh(&mut follower, vec![]);
    std::fs::write(&segment, &whole).unwrap();
    check_fresh(&mut follower, numbered([3]));
}

#[test]
fn a_folder_that_does_not_exist_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = tail(folder.path().join("nowhere"), 1, None).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
}
