//! Where everything lies in a trace folder, and which names are ours.
//!
//! ```text
//! lock                                        held by the one process that writes
//! commit.json                                 the last step of the compaction
//! log/<segment>.log                           acknowledged, not yet compacted
//! log/<segment>.damaged-<n>                   a segment with invalid bytes, set aside as it was
//! task=<task>/day=<YYYY-MM-DD>/<first>-<last>.parquet
//! ```
//! Names that do not have these forms are left alone. A part is named by the segments whose traces
//! it holds, so that writing it again after a crash gives the same name.

use std::fmt;
use std::path::{Path, PathBuf};

use freehold_vocabulary::{TaskName, Timestamp, Trace};

use crate::disk;
use crate::error::TracesError;

/// The number of a segment; they only grow.
pub type SegmentId = u64;

/// The folder of the log.
pub fn log_folder(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// The file of a segment.
pub fn segment_path(folder: &Path, id: SegmentId) -> PathBuf {
    log_folder(folder).join(format!("{id:012}.log"))
}

/// Where a segment is set aside when it is found damaged for the `n`th time.
pub fn damaged_path(folder: &Path, id: SegmentId, n: u32) -> PathBuf {
    log_folder(folder).join(format!("{id:012}.damaged-{n}"))
}

/// The highest number that any file of the log bears.
pub fn last_segment(folder: &Path) -> Result<Option<SegmentId>, TracesError> {
    let names = disk::names(&log_folder(folder))?;
    Ok(names.iter().filter_map(|name| number(name.split('.').next()?)).max())
}

/// The segments that lie in the log, in order.
pub fn segments(folder: &Path) -> Result<Vec<SegmentId>, TracesError> {
    let number = |name: String| number(name.strip_suffix(".log")?);
    let mut ids: Vec<SegmentId> =
        disk::names(&log_folder(folder))?.into_iter().filter_map(number).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// One task on one day: the unit in which Parquet files are laid out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    pub task: TaskName,
    /// `YYYY-MM-DD`, in UTC.
    pub day: String,
}

impl Partition {
    /// The partition in which a trace belongs.
    pub fn of(trace: &Trace) -> Self {
        Self { task: trace.task.clone(), day: trace.at.day() }
    }

    /// Its folder.
    pub fn folder(&self, folder: &Path) -> PathBuf {
        folder.join(format!("task={}", self.task)).join(format!("day={}", self.day))
    }

    /// Midnight at its beginning, in microseconds since 1970.
    pub fn micros(&self) -> i64 {
        Timestamp::parse(&format!("{}T00:00:00Z", self.day))
            .expect("a day was checked when it was parsed")
            .as_micros()
    }
}

/// The name of a Parquet file. Its text is its path within the trace folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartName {
    pub partition: Partition,
    pub first: SegmentId,
    pub last: SegmentId,
}

impl PartName {
    /// The file, once the part is committed.
    pub fn path(&self, folder: &Path) -> PathBuf {
        self.partition.folder(folder).join(self.file_name())
    }

    /// The file before the part is committed; no reader takes it for a Parquet file.
    pub fn unfinished_path(&self, folder: &Path) -> PathBuf {
        self.partition.folder(folder).join(format!("{}{UNFINISHED}", self.file_name()))
    }

    /// Reads a path within the trace folder.
    pub fn parse(text: &str) -> Option<Self> {
        let mut places = text.split('/');
        let task = TaskName::parse(places.next()?.strip_prefix("task=")?).ok()?;
        let day = day(places.next()?.strip_prefix("day=")?)?;
        let (first, last) = segment_range(places.next()?)?;
        places.next().is_none().then_some(Self { partition: Partition { task, day }, first, last })
    }

    fn file_name(&self) -> String {
        format!("{:012}-{:012}.parquet", self.first, self.last)
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task={}/day={}/{}", self.partition.task, self.partition.day, self.file_name())
    }
}

/// What unfinished parts end in.
const UNFINISHED: &str = ".unfinished";

/// The partitions that exist, in order, as far as `wanted` says yes to the day.
pub fn partitions(
    folder: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Partition>, TracesError> {
    let mut partitions = vec![];
    for name in disk::names(folder)? {
        let Some(task) = name.strip_prefix("task=").and_then(|it| TaskName::parse(it).ok()) else {
            continue;
        };
        for day_name in disk::names(&folder.join(&name))? {
            let day = day_name.strip_prefix("day=").and_then(day).filter(|day| wanted(day));
            partitions.extend(day.map(|day| Partition { task: task.clone(), day }));
        }
    }
    Ok(partitions)
}

/// The Parquet files of a partition, in the order of their segments, committed or not.
pub fn parts(folder: &Path, partition: &Partition) -> Result<Vec<PartName>, TracesError> {
    let names = disk::names(&partition.folder(folder))?;
    let part = |name: &String| {
        let (first, last) = segment_range(name)?;
        Some(PartName { partition: partition.clone(), first, last })
    };
    Ok(names.iter().filter_map(part).collect())
}

/// Files of parts that were never committed.
pub fn unfinished(folder: &Path, partition: &Partition) -> Result<Vec<PathBuf>, TracesError> {
    let partition = partition.folder(folder);
    let names = disk::names(&partition)?.into_iter();
    let ours = |name: &String| name.strip_suffix(UNFINISHED).and_then(segment_range).is_some();
    Ok(names.filter(ours).map(|name| partition.join(name)).collect())
}

fn segment_range(file_name: &str) -> Option<(SegmentId, SegmentId)> {
    let (first, last) = file_name.strip_suffix(".parquet")?.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

fn number(text: &str) -> Option<SegmentId> {
    let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn day(text: &str) -> Option<String> {
    let midnight = Timestamp::parse(&format!("{text}T00:00:00Z")).ok()?;
    (midnight.day() == text).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        let part = PartName::parse(text);
        assert_eq!(part.is_some(), valid, "{text}");
        assert!(part.is_none_or(|part| part.to_string() == text), "{text}");
    }

    #[test]
    fn only_names_of_our_form_are_parts() {
        check("task=a/day=2026-11-20/000000000001-000000000004.parquet", true);
        check("task=../day=2026-11-20/000000000001-000000000004.parquet", false);
        check("task=a/day=2026-13-20/000000000001-000000000004.parquet", false);
        check("task=a/day=2026-11-20/000000000005-000000000004.parquet", false);
        check("task=a/day=2026-11-20/1-4.parquet", false);
        check("task=a/day=2026-11-20/x/000000000001-000000000004.parquet", false);
        check("task=a/day=2026-11-20/export.parquet", false);
    }
}
