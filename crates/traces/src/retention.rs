//! Forgetting: after some days the texts of traces, after more days the traces.
//!
//! A part whose day has passed is removed by a commit, and one that loses its texts is replaced by
//! a commit, so a crash leaves either the old file or the new one and a reader sees one of them (see
//! `commit`). What the log still holds is younger than a day as a rule and is left alone. The same
//! call again changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_vocabulary::{TaskName, Timestamp, Trace};

use crate::commit::{self, Commit};
use crate::disk;
use crate::error::TracesError;
use crate::layout::{self, PartName, Partition};
use crate::parquet_file::{self, Content};
use crate::schema;

const DAY_MICROS: i64 = 86_400_000_000;

/// How long traces are kept, in whole days after the day on which they were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Then the input, the request and the answer go; figures, labels and versions stay.
    pub content_days: Option<u32>,
    /// Then the traces go.
    pub days: Option<u32>,
}

/// What holds for each task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// Tasks without a rule of their own, and models that generate.
    pub usual: Retention,
    pub tasks: BTreeMap<TaskName, Retention>,
}

/// What was forgotten, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Traces that lost their texts.
    pub emptied: u64,
    /// Traces that are gone.
    pub removed: u64,
}

/// What is due in one partition.
enum Due {
    Remove,
    Empty,
}

impl RetentionRules {
    /// Whether nothing is ever forgotten.
    #[must_use]
    pub fn keep_everything(&self) -> bool {
        self.tasks.values().chain([&self.usual]).all(|it| *it == Retention::default())
    }

    fn due(&self, partition: &Partition, now: Timestamp) -> Option<Due> {
        let rule = self.tasks.get(&partition.task).unwrap_or(&self.usual);
        let days_since = (now.as_micros() - partition.micros()).div_euclid(DAY_MICROS);
        let past = |limit: Option<u32>| limit.is_some_and(|it| days_since > i64::from(it));
        if past(rule.days) {
            Some(Due::Remove)
        } else if past(rule.content_days) {
            Some(Due::Empty)
        } else {
            None
        }
    }
}

/// Counts what is due, or makes it happen as well. The caller must hold the folder if `forget`.
pub fn run(
    folder: &Path,
    rules: &RetentionRules,
    now: Timestamp,
    forget: bool,
) -> Result<Forgotten, TracesError> {
    let mut forgotten = Forgotten::default();
    for partition in layout::partitions(folder, &|_| true)? {
        let Some(due) = rules.due(&partition, now) else { continue };
        let mut parts = layout::parts(folder, &partition)?;
        match due {
            Due::Remove => {
                for part in &parts {
                    forgotten.removed += parquet_file::rows(&part.path(folder))?;
                }
                if forget && !parts.is_empty() {
                    commit(folder, vec![], parts)?;
                    leave_no_folder(&partition.folder(folder));
                }
            }
            Due::Empty => {
                let mut full = vec![];
                for part in parts.drain(..) {
                    let path = part.path(folder);
                    if parquet_file::content(&path)? == Content::Kept {
                        forgotten.emptied += parquet_file::rows(&path)?;
                        full.push(part);
                    }
                }
                if forget && !full.is_empty() {
                    full.iter().try_for_each(|part| empty(folder, part))?;
                    disk::sync_folder(&partition.folder(folder))?;
                    commit(folder, full, vec![])?;
                }
            }
        }
    }
    Ok(forgotten)
}

fn commit(folder: &Path, added: Vec<PartName>, removed: Vec<PartName>) -> Result<(), TracesError> {
    let before = commit::read(folder)?;
    let (sequence, compacted_through) = (before.sequence + 1, before.compacted_through);
    let commit = Commit { sequence, compacted_through, added, removed };
    commit::write(folder, &commit)?;
    commit::apply(folder, &commit).map(|_nowhere| ())
}

/// Writes the part again without texts, under its unfinished name.
fn empty(folder: &Path, part: &PartName) -> Result<(), TracesError> {
    let mut traces = parquet_file::traces(&part.path(folder), &part.partition.task)?;
    traces.iter_mut().for_each(without_content);
    let batches = traces.chunks(schema::BATCH_ROWS).map(|chunk| Ok(schema::file_batch(chunk)));
    parquet_file::write(&part.unfinished_path(folder), Content::Removed, batches)
}

fn without_content(trace: &mut Trace) {
    trace.input = String::new();
    if let Some(generation) = &mut trace.generation {
        generation.request = None;
        generation.answer = None;
    }
}

/// A folder that is not empty, or that somebody removed, is no failure.
fn leave_no_folder(folder: &Path) {
    let _ = std::fs::remove_dir(folder);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Retention, now: &str, expected: &str) {
        let rules = RetentionRules { usual: rule, tasks: BTreeMap::new() };
        let task = TaskName::parse("mail").unwrap();
        let partition = Partition { task, day: "2026-11-20".to_owned() };
        let due = match rules.due(&partition, Timestamp::parse(now).unwrap()) {
            None => "nothing",
            Some(Due::Empty) => "texts",
            Some(Due::Remove) => "traces",
        };
        assert_eq!(due, expected, "{rule:?} at {now}");
    }

    #[test]
    fn a_day_is_due_when_its_last_trace_is_old_enough() {
        let rule = Retention { content_days: Some(1), days: Some(3) };
        check(rule, "2026-11-20T00:00:00Z", "nothing");
        check(rule, "2026-11-21T23:59:59Z", "nothing");
        check(rule, "2026-11-22T00:00:00Z", "texts");
        check(rule, "2026-11-23T23:59:59Z", "texts");
        check(rule, "2026-11-24T00:00:00Z", "traces");
        check(Retention { content_days: Some(0), days: None }, "2026-11-21T00:00:00Z", "texts");
        check(Retention::default(), "2099-01-01T00:00:00Z", "nothing");
        // A clock that went back forgets nothing.
        check(rule, "2026-11-01T00:00:00Z", "nothing");
    }
}
