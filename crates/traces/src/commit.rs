//! The one step that turns segments into parts, or small parts into larger ones.
//!
//! A compaction writes its parts under unfinished names, replaces `commit.json` (this is the
//! moment at which it happens), and then applies it: parts get their names, what they replace is
//! removed. A crash before the moment leaves files nobody reads; a crash after it is mended by
//! applying the same commit again. Readers need no lock: together with the commit, any mixture of
//! applied and not applied files has exactly one reading (see `snapshot`).

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk;
use crate::error::TracesError;
use crate::layout::{self, PartName, SegmentId};

/// What the last compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Grows by one with every commit; zero before the first.
    pub sequence: u64,
    /// Segments up to this one live on in parts only.
    pub compacted_through: SegmentId,
    pub added: Vec<PartName>,
    pub removed: Vec<PartName>,
}

/// The commit as it lies on the disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    sequence: u64,
    compacted_through: SegmentId,
    added: Vec<String>,
    removed: Vec<String>,
}

const FORMAT: u32 = 1;
const FILE_NAME: &str = "commit.json";

/// The last commit; an empty one before the first.
pub fn read(folder: &Path) -> Result<Commit, TracesError> {
    let path = folder.join(FILE_NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Commit::default()),
        Err(error) => return Err(TracesError::io("read", &path)(error)),
    };
    let unreadable = |reason: String| TracesError::Unreadable { path: path.clone(), reason };
    let written: Written =
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    if written.format != FORMAT {
        return Err(unreadable(format!("it has format {}, not {FORMAT}", written.format)));
    }
    let part = |text: &String| {
        PartName::parse(text).ok_or_else(|| unreadable(format!("`{text}` is not a part")))
    };
    Ok(Commit {
        sequence: written.sequence,
        compacted_through: written.compacted_through,
        added: written.added.iter().map(part).collect::<Result<_, _>>()?,
        removed: written.removed.iter().map(part).collect::<Result<_, _>>()?,
    })
}

/// Makes the commit happen. Its parts must lie under their unfinished names, on the disk.
pub fn write(folder: &Path, commit: &Commit) -> Result<(), TracesError> {
    let written = Written {
        format: FORMAT,
        sequence: commit.sequence,
        compacted_through: commit.compacted_through,
        added: commit.added.iter().map(PartName::to_string).collect(),
        removed: commit.removed.iter().map(PartName::to_string).collect(),
    };
    let text = serde_json::to_vec_pretty(&written).expect("a commit is plain data");
    disk::replace(&folder.join(FILE_NAME), &text)
}

/// Makes the files agree with the commit. Doing it again changes nothing. Returns the parts that
/// are nowhere: right after [`write`] there are none, later an operator may have removed some.
pub fn apply(folder: &Path, commit: &Commit) -> Result<Vec<PartName>, TracesError> {
    let mut missing = vec![];
    for part in &commit.added {
        match fs::rename(part.unfinished_path(folder), part.path(folder)) {
            Ok(()) => {}
            // Renamed before a crash.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(TracesError::io("rename", part.path(folder))(error)),
        }
        if !part.path(folder).is_file() {
            missing.push(part.clone());
        }
    }
    for part in &commit.removed {
        disk::remove(&part.path(folder))?;
    }
    let mut touched: Vec<_> = commit.added.iter().chain(&commit.removed).collect();
    touched.sort();
    touched.dedup_by(|a, b| a.partition == b.partition);
    for part in touched {
        let partition = part.partition.folder(folder);
        if partition.is_dir() {
            disk::sync_folder(&partition)?;
        }
    }
    for id in layout::segments(folder)? {
        if id <= commit.compacted_through {
            disk::remove(&layout::segment_path(folder, id))?;
        }
    }
    Ok(missing)
}
