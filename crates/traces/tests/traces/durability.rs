//! Killing the process loses nothing that was acknowledged.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use datafusion::prelude::{ParquetReadOptions, SessionContext};
use freehold_traces::Limits;
use freehold_vocabulary::ports::TraceLog as _;
use freehold_vocabulary::{Random, Seed, TraceId};

use crate::sample::{open, quiet, segment_files};

const KILLS: u64 = 24;

#[tokio::test]
async fn a_kill_at_any_moment_loses_no_acknowledged_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(Seed(20));
    let mut kept = BTreeSet::new();
    for round in 0..KILLS {
        let lines = [0, 1, 20, 150, 400][random.below(5)] + random.below(40);
        let said = run_and_kill(folder.path(), round, lines);
        assert!(!said.iter().any(|line| line.starts_with("refused")), "{said:?}");
        let ids: Vec<&str> = said.iter().filter_map(|it| it.strip_prefix("kept ")).collect();
        let traces = open(folder.path(), quiet());
        for id in ids {
            let id = TraceId::parse(id).unwrap();
            let found = traces.find(&id).await.unwrap();
            assert_eq!(found.map(|trace| trace.id), Some(id.clone()), "round {round}");
            assert!(kept.insert(id.to_string()), "{id} was acknowledged twice");
        }
        if round % 6 == 5 {
            check_sql(folder.path(), &kept).await;
        }
    }
    let traces = open(folder.path(), quiet());
    traces.compact().await.unwrap();
    assert_eq!(segment_files(folder.path()), Vec::<std::path::PathBuf>::new());
    check_sql(folder.path(), &kept).await;
    check_parquet(folder.path(), &kept).await;
    for id in &kept {
        assert!(traces.find(&TraceId::parse(id).unwrap()).await.unwrap().is_some(), "{id}");
    }
}

/// Lets the appender work until it has acknowledged so many traces, and kills it.
fn run_and_kill(folder: &Path, seed: u64, lines: usize) -> Vec<String> {
    let mut child = appender(folder, &[&seed.to_string(), "16", "20000"]);
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said: Vec<String> = output.by_ref().take(lines).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    said.extend(output.map(Result::unwrap));
    said
}

fn appender(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freehold-traces-appender"));
    command.arg(folder).args(arguments).stdout(Stdio::piped()).spawn().unwrap()
}

/// Every acknowledged trace is there once. What was not acknowledged may be there, once.
async fn check_sql(folder: &Path, kept: &BTreeSet<String>) {
    let limits = Limits { rows_max: 1_000_000, ..Limits::default() };
    let rows = freehold_traces::sql(folder, "SELECT id FROM traces", &limits).await.unwrap();
    check_once(rows.rows.iter().map(|row| row[0].as_str().unwrap().to_owned()), kept);
}

/// The same, as somebody sees it who knows nothing but the Parquet files.
async fn check_parquet(folder: &Path, kept: &BTreeSet<String>) {
    let context = SessionContext::new();
    let path = folder.to_str().unwrap();
    context.register_parquet("files", path, ParquetReadOptions::default()).await.unwrap();
    let batches = context.sql("SELECT id FROM files").await.unwrap().collect().await.unwrap();
    let ids = batches.iter().flat_map(|batch| {
        let text = |row| {
            let column = batch.column(0);
            datafusion::arrow::util::display::array_value_to_string(column, row).unwrap()
        };
        (0..batch.num_rows()).map(text).collect::<Vec<_>>()
    });
    check_once(ids, kept);
}

fn check_once(ids: impl Iterator<Item = String>, kept: &BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        assert!(seen.insert(id.clone()), "{id} is there twice");
    }
    let lost: Vec<_> = kept.difference(&seen).collect();
    assert!(lost.is_empty(), "{} acknowledged traces were lost: {lost:?}", lost.len());
}

/// A limit on the size of files stands for a full disk: the write stops half-way with an error of
/// the operating system, and later there is space again.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_refuses_appends_keeps_the_rest_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_freehold-traces-appender");
    // `ulimit -f` counts blocks of 512 or 1024 bytes; the signal must not kill, so that the write fails.
    let script = "trap '' XFSZ; ulimit -S -f 100; exec \"$0\" \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", script, program])
        .arg(folder.path())
        .args(["7", "4", "100000000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let (mut kept, mut refused) = (BTreeSet::new(), BTreeSet::new());
    let mut told = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        ["kept", id] => kept.insert(id.to_owned()),
        ["refused", id, ..] => refused.insert(id.to_owned()),
        _ => panic!("{line}"),
    };
    let refusal = loop {
        let line = output.next().expect("the log fills up");
        told(&line);
        if line.starts_with("refused") {
            break line;
        }
    };
    assert!(refusal.contains("cannot append to the trace log"), "{refusal}");
    assert!(refusal.contains("nothing of this append was kept"), "{refusal}");
    let limit = ["--fsize=unlimited", "--pid", &child.id().to_string()];
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    // Appends that met the limit are still on their way; then one succeeds.
    let mut successes = 0;
    for line in output.by_ref() {
        told(&line);
        successes += usize::from(line.starts_with("kept"));
        if successes == 50 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    output.for_each(|line| {
        told(&line);
    });
    assert!(successes >= 50, "it did not recover");
    let traces = open(folder.path(), quiet());
    assert_eq!(traces.recovery().findings, vec![]);
    check_sql(folder.path(), &kept).await;
    for id in refused {
        let found = traces.find(&TraceId::parse(&id).unwrap()).await.unwrap();
        assert_eq!(found, None, "a refused trace was kept");
    }
}
