//! Compaction neither loses nor doubles a trace, wherever it is interrupted and whoever reads.

use std::fs;
use std::path::{Path, PathBuf};

use freehold_traces::{Options, Traces};
use freehold_vocabulary::ports::TraceLog as _;

use crate::sample::{ask, open, parquet_files, quiet, segment_files, tiny, trace};

const TRACES: u64 = 30;

/// Everything in one step, and no merging.
fn plain() -> Options {
    Options { merge_parts_min: usize::MAX, ..quiet() }
}

/// Merges as soon as it can.
fn merging() -> Options {
    Options { merge_parts_min: 2, ..quiet() }
}

/// The numbers of the traces: of both tasks, or of one of them.
const BOTH_TASKS: u64 = 1;
const ONE_TASK: u64 = 3;

async fn append_each(traces: &Traces, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        traces.append(vec![trace(number)]).await.unwrap();
    }
}

async fn compacted(folder: &Path, options: Options) {
    open(folder, options).compact().await.unwrap();
}

/// Segments and parts: three compactions, then more in the log.
async fn folder_in_use(folder: &Path, step: u64) {
    for numbers in [0..6, 6..12, 12..18] {
        let traces = open(folder, plain());
        append_each(&traces, numbers.map(|it| it * step)).await;
        traces.compact().await.unwrap();
    }
    append_each(&open(folder, tiny()), (18..TRACES).map(|it| it * step)).await;
    assert!(segment_files(folder).len() > 3);
}

async fn check_whole(folder: &Path, when: &str) {
    let count = format!("{TRACES} {TRACES}");
    let counted = ask(folder, "SELECT count(*), count(DISTINCT id) FROM traces").await;
    assert_eq!(counted, [count], "{when}");
}

#[tokio::test]
async fn an_interrupted_compaction_reads_the_same_and_is_finished_later() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    folder_in_use(before.path(), BOTH_TASKS).await;
    copy(before.path(), after.path());
    compacted(after.path(), plain()).await;
    check_every_interruption(before.path(), after.path(), BOTH_TASKS).await;
}

#[tokio::test]
async fn an_interrupted_merge_reads_the_same_and_is_finished_later() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Every task is merged by a commit of its own.
    folder_in_use(before.path(), ONE_TASK).await;
    copy(before.path(), after.path());
    compacted(before.path(), plain()).await;
    compacted(after.path(), merging()).await;
    assert!(parquet_files(after.path()).len() < parquet_files(before.path()).len());
    check_every_interruption(before.path(), after.path(), ONE_TASK).await;
}

/// Builds every state between two folders in the order in which the compaction makes its changes.
async fn check_every_interruption(before: &Path, after: &Path, step: u64) {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    copy(before, state);
    let (old, new) = (files(before), files(after));
    let added: Vec<&PathBuf> =
        new.iter().filter(|it| !old.contains(it) && it.ends_with_parquet()).collect();
    let removed: Vec<&PathBuf> = old.iter().filter(|it| !new.contains(it)).collect();
    assert!(!added.is_empty() && !removed.is_empty());
    let unfinished = |name: &Path| state.join(format!("{}.unfinished", name.display()));
    for name in &added {
        let whole = fs::read(after.join(name)).unwrap();
        fs::create_dir_all(state.join(name).parent().unwrap()).unwrap();
        fs::write(unfinished(name), &whole[..whole.len() / 2]).unwrap();
        check_state(state, step, &format!("half of {} written", name.display())).await;
        fs::write(unfinished(name), &whole).unwrap();
        check_state(state, step, &format!("{} written", name.display())).await;
    }
    fs::copy(after.join("commit.json"), state.join("commit.json")).unwrap();
    check_state(state, step, "committed").await;
    for name in &added {
        fs::rename(unfinished(name), state.join(name)).unwrap();
        check_state(state, step, &format!("{} renamed", name.display())).await;
    }
    for name in &removed {
        fs::remove_file(state.join(name)).unwrap();
        check_state(state, step, &format!("{} removed", name.display())).await;
    }
}

/// A reader that knows nothing of the crash, and the next process that writes, see every trace once.
async fn check_state(state: &Path, step: u64, when: &str) {
    check_whole(state, when).await;
    let reopened = tempfile::tempdir().unwrap();
    copy(state, reopened.path());
    let traces = open(reopened.path(), merging());
    check_whole(reopened.path(), when).await;
    assert_eq!(traces.recovery().findings, vec![], "{when}");
    for number in (0..TRACES).map(|it| it * step) {
        let found = traces.find(&trace(number).id).await.unwrap();
        assert_eq!(found, Some(trace(number)), "{when}");
    }
    traces.compact().await.unwrap();
    check_whole(reopened.path(), when).await;
    let left = files(reopened.path());
    let leftovers =
        left.iter().filter(|it| !it.ends_with_parquet() && it.parent() != Some(Path::new("")));
    assert_eq!(leftovers.count(), 0, "{when}: {left:?}");
}

#[tokio::test]
async fn small_parts_are_merged_and_large_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { merge_parts_min: 4, ..quiet() };
    let traces = open(folder.path(), options.clone());
    for number in 0..30 {
        append_each(&traces, number..number + 1).await;
        traces.compact().await.unwrap();
        // Two tasks on one day, fewer than four small parts each.
        assert!(parquet_files(folder.path()).len() <= 6);
    }
    check_whole(folder.path(), "merged").await;
    drop(traces);
    let parts = parquet_files(folder.path());
    let all_large = Options { part_bytes_target: 1, ..options };
    let traces = open(folder.path(), all_large);
    append_each(&traces, 30..40).await;
    let done = traces.compact().await.unwrap();
    assert_eq!((done.traces, done.parts_merged), (10, 0));
    assert!(parts.iter().all(|part| part.is_file()));
    assert_eq!(ask(folder.path(), "SELECT count(DISTINCT id) FROM traces").await, ["40"]);
}

#[tokio::test]
async fn readers_see_every_trace_once_while_the_log_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { compaction: freehold_traces::Compaction::WhenSealed, ..tiny() };
    let traces = open(folder.path(), options);
    let path = folder.path().to_owned();
    let (appended, watched) = tokio::sync::watch::channel(0u64);
    let reader = tokio::spawn(async move {
        let mut answers = 0;
        while *watched.borrow() < 60 {
            let at_least = *watched.borrow();
            let rows = ask(&path, "SELECT count(*), count(DISTINCT id) FROM traces").await;
            let (all, distinct) = rows[0].split_once(' ').unwrap();
            assert_eq!(all, distinct);
            assert!(all.parse::<u64>().unwrap() >= at_least, "{all} of {at_least}");
            answers += 1;
        }
        answers
    });
    for number in 0..60 {
        traces.append(vec![trace(number)]).await.unwrap();
        appended.send(number + 1).unwrap();
    }
    assert!(reader.await.unwrap() > 0);
    assert_eq!(traces.status().compaction_error, None);
    traces.compact().await.unwrap();
    assert_eq!(traces.status().traces_in_log, 0);
    assert_eq!(ask(folder.path(), "SELECT count(DISTINCT id) FROM traces").await, ["60"]);
}

#[tokio::test]
async fn a_compaction_that_cannot_write_leaves_everything_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let traces = open(folder.path(), quiet());
    append_each(&traces, 0..TRACES).await;
    // A file where a folder must be: no right to write could stop a test that runs as root.
    let obstacle = folder.path().join("task=mail");
    fs::write(&obstacle, b"").unwrap();
    let error = traces.compact().await.unwrap_err().to_string();
    assert!(error.contains("task=mail"), "{error}");
    assert_eq!(traces.status().compaction_error, Some(error));
    fs::remove_file(&obstacle).unwrap();
    check_whole(folder.path(), "after the failure").await;
    assert_eq!(traces.compact().await.unwrap().traces, TRACES);
    assert_eq!(traces.status().compaction_error, None);
    check_whole(folder.path(), "after the compaction").await;
}

trait EndsWithParquet {
    fn ends_with_parquet(&self) -> bool;
}

impl EndsWithParquet for PathBuf {
    fn ends_with_parquet(&self) -> bool {
        self.extension().is_some_and(|it| it == "parquet")
    }
}

/// The files below a folder, as relative paths.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for name in files(from) {
        fs::create_dir_all(to.join(&name).parent().unwrap()).unwrap();
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}
