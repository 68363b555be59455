//! One consistent view of a folder that another process may be writing.
//!
//! Every acknowledged trace is in it exactly once, either in a part or in a segment: the last commit
//! says which (see `commit`). If the commit changes while the folder is being listed, the listing is
//! made again. Segments are opened at once, so that they stay readable; parts can vanish later,
//! when small ones are merged, and then the reader takes a new snapshot.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::commit::{self, Commit};
use crate::error::TracesError;
use crate::layout::{self, PartName, SegmentId};

/// How often a reader starts again because of a compaction; each takes seconds, so once is rare.
pub const ATTEMPTS_MAX: u32 = 8;

/// See the head of the file.
#[derive(Debug)]
pub struct Snapshot {
    /// The commit it belongs to.
    pub sequence: u64,
    pub compacted_through: SegmentId,
    /// In the order of task, day and segments.
    pub parts: Vec<Part>,
    /// Not compacted yet, in order; the last one may still grow.
    pub segments: Vec<OpenSegment>,
}

/// A committed Parquet file.
#[derive(Debug, Clone)]
pub struct Part {
    pub name: PartName,
    pub path: PathBuf,
    pub bytes: u64,
}

/// A segment that stays readable.
#[derive(Debug)]
pub struct OpenSegment {
    pub id: SegmentId,
    file: File,
}

impl OpenSegment {
    /// Everything that lies in the segment now from `offset`; the header is at 0.
    pub fn read_from(&self, folder: &Path, offset: u64) -> Result<Vec<u8>, TracesError> {
        let mut bytes = vec![];
        let mut file = &self.file;
        let place = io::SeekFrom::Start(offset);
        let read = io::Seek::seek(&mut file, place).and_then(|_| file.read_to_end(&mut bytes));
        read.map_err(TracesError::io("read log segment", layout::segment_path(folder, self.id)))?;
        Ok(bytes)
    }
}

/// Takes a snapshot with the parts of the days that are wanted.
pub fn take(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Snapshot, TracesError> {
    if !folder.is_dir() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        return Err(TracesError::io("find trace folder", folder)(missing));
    }
    for _ in 0..ATTEMPTS_MAX {
        let commit = commit::read(folder)?;
        let snapshot = list(folder, &commit, wanted)?;
        if commit::read(folder)?.sequence == commit.sequence {
            return Ok(snapshot);
        }
    }
    Err(restless(folder))
}

/// The folder changed all the time.
pub fn restless(folder: &Path) -> TracesError {
    let changing = io::Error::other("its files kept changing; try again");
    TracesError::io("list", folder)(changing)
}

/// Whether the folder has been compacted since the snapshot, or the compaction has given a part
/// its final name.
pub fn is_stale(folder: &Path, snapshot: &Snapshot) -> Result<bool, TracesError> {
    let moved = snapshot.parts.iter().any(|part| !part.path.exists());
    Ok(moved || commit::read(folder)?.sequence != snapshot.sequence)
}

fn list(
    folder: &Path,
    commit: &Commit,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Snapshot, TracesError> {
    let mut names = vec![];
    for partition in layout::partitions(folder, wanted)? {
        names.extend(layout::parts(folder, &partition)?);
    }
    let fresh = commit.added.iter().filter(|part| wanted(&part.partition.day));
    names.extend(fresh.cloned());
    names.retain(|part| !commit.removed.contains(part));
    names.sort();
    names.dedup();
    let mut parts = vec![];
    for name in names {
        // A committed part has its unfinished name until the commit is applied.
        for path in [name.path(folder), name.unfinished_path(folder), name.path(folder)] {
            if let Ok(metadata) = fs::metadata(&path) {
                parts.push(Part { name, path, bytes: metadata.len() });
                break;
            }
        }
    }
    let mut segments = vec![];
    for id in layout::segments(folder)? {
        if id <= commit.compacted_through {
            continue;
        }
        let path = layout::segment_path(folder, id);
        match File::open(&path) {
            Ok(file) => segments.push(OpenSegment { id, file }),
            // Compacted just now; the commit will have changed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(TracesError::io("open log segment", &path)(error)),
        }
    }
    let (sequence, compacted_through) = (commit.sequence, commit.compacted_through);
    Ok(Snapshot { sequence, compacted_through, parts, segments })
}
