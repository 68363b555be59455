//! Sealed segments become Parquet files; many small files become few.
//!
//! Each step writes its files, commits, and applies (see `commit`), so a crash or a full disk at any
//! moment neither loses nor doubles a trace. A step that fails leaves the folder as it was. The
//! caller must hold the folder, and runs one step at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freehold_vocabulary::Trace;

use crate::commit::{self, Commit};
use crate::disk;
use crate::error::TracesError;
use crate::frame::{self, Piece};
use crate::layout::{self, PartName, Partition, SegmentId};
use crate::options::Options;
use crate::parquet_file::{self, Content};
use crate::schema;
use crate::segment;

/// What a compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compacted {
    pub segments: u64,
    pub traces: u64,
    pub parts_written: u64,
    /// Parts that were replaced by fewer, larger ones.
    pub parts_merged: u64,
    /// Segments that were found damaged on the way; their valid records were kept.
    pub set_aside: Vec<PathBuf>,
}

impl Compacted {
    /// Adds what another step did.
    pub fn add(&mut self, other: Self) {
        self.segments += other.segments;
        self.traces += other.traces;
        self.parts_written += other.parts_written;
        self.parts_merged += other.parts_merged;
        self.set_aside.extend(other.set_aside);
    }
}

/// One step: its commit, not yet written.
#[derive(Debug)]
pub struct Step {
    pub commit: Commit,
    pub done: Compacted,
}

impl Step {
    /// Makes it happen.
    pub fn finish(self, folder: &Path) -> Result<(Commit, Compacted), TracesError> {
        commit::write(folder, &self.commit)?;
        commit::apply(folder, &self.commit)?;
        Ok((self.commit, self.done))
    }
}

/// Writes the parts of the oldest segments up to `through`, as many as make one full segment.
/// Returns `None` when there are none.
pub fn segments_step(
    folder: &Path,
    options: &Options,
    through: SegmentId,
) -> Result<Option<Step>, TracesError> {
    let before = commit::read(folder)?;
    let mut done = Compacted::default();
    let mut partitions: BTreeMap<Partition, Vec<Trace>> = BTreeMap::new();
    let mut range: Option<(SegmentId, SegmentId)> = None;
    let mut bytes_read = 0;
    for id in layout::segments(folder)? {
        let wanted = id > before.compacted_through && id <= through;
        if !wanted || bytes_read >= options.segment_bytes_max {
            continue;
        }
        let bytes = segment::read(folder, id)?;
        bytes_read += bytes.len() as u64;
        done.segments += 1;
        done.traces += sort_into(folder, id, &bytes, &mut partitions, &mut done.set_aside)?;
        range = Some((range.map_or(id, |(first, _)| first), id));
    }
    let Some((first, last)) = range else {
        return Ok(None);
    };
    let mut added = vec![];
    for (partition, mut traces) in partitions {
        traces.sort_by(|a, b| a.id.cmp(&b.id));
        let part = PartName { partition, first, last };
        let batches = traces.chunks(schema::BATCH_ROWS).map(|chunk| Ok(schema::file_batch(chunk)));
        parquet_file::write(&part.unfinished_path(folder), Content::Kept, batches)?;
        disk::sync_folder(&part.partition.folder(folder))?;
        added.push(part);
    }
    done.parts_written = added.len() as u64;
    let sequence = before.sequence + 1;
    let commit = Commit { sequence, compacted_through: last, added, removed: vec![] };
    Ok(Some(Step { commit, done }))
}

/// Joins the small parts of a partition once there are enough of them. Returns `None` when there is
/// nothing to join.
pub fn merge_step(
    folder: &Path,
    options: &Options,
    partition: &Partition,
) -> Result<Option<Step>, TracesError> {
    let before = commit::read(folder)?;
    let mut sized = vec![];
    for part in layout::parts(folder, partition)? {
        let path = part.path(folder);
        let metadata = std::fs::metadata(&path).map_err(TracesError::io("examine", &path))?;
        // A file of an older version keeps its columns and is not joined.
        let small = metadata.len() < options.part_bytes_target && parquet_file::is_current(&path)?;
        sized.push((part, small.then_some(metadata.len())));
    }
    let (mut added, mut removed) = (vec![], vec![]);
    for group in groups(&sized, options) {
        let (first, last) = (&group[0], &group[group.len() - 1]);
        let part = PartName { partition: partition.clone(), first: first.first, last: last.last };
        let mut batches: Vec<Box<dyn Iterator<Item = _>>> = vec![];
        let mut content = Content::Removed;
        for member in &group {
            if parquet_file::content(&member.path(folder))? == Content::Kept {
                content = Content::Kept;
            }
            batches.push(Box::new(parquet_file::batches(&member.path(folder))?));
        }
        let (path, batches) = (part.unfinished_path(folder), batches.into_iter().flatten());
        parquet_file::write(&path, content, batches)?;
        added.push(part);
        removed.extend(group);
    }
    if added.is_empty() {
        return Ok(None);
    }
    disk::sync_folder(&partition.folder(folder))?;
    let done = Compacted {
        parts_written: added.len() as u64,
        parts_merged: removed.len() as u64,
        ..Compacted::default()
    };
    let (sequence, compacted_through) = (before.sequence + 1, before.compacted_through);
    Ok(Some(Step { commit: Commit { sequence, compacted_through, added, removed }, done }))
}

/// Neighbouring small parts that become one part each. A part that is large enough keeps its place
/// between groups, so the ranges of segments in the names never overlap.
fn groups(parts: &[(PartName, Option<u64>)], options: &Options) -> Vec<Vec<PartName>> {
    let small = parts.iter().filter(|(_, bytes)| bytes.is_some()).count();
    if small < options.merge_parts_min.max(2) {
        return vec![];
    }
    let mut groups = vec![vec![]];
    let mut bytes_in_group = 0;
    for (part, bytes) in parts {
        match bytes {
            Some(bytes) if bytes_in_group < options.part_bytes_target => {
                groups.last_mut().expect("there is a first group").push(part.clone());
                bytes_in_group += bytes;
            }
            Some(bytes) => {
                groups.push(vec![part.clone()]);
                bytes_in_group = *bytes;
            }
            None => {
                groups.push(vec![]);
                bytes_in_group = 0;
            }
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// Adds the traces of a segment to their partitions; damaged bytes are set aside first.
fn sort_into(
    folder: &Path,
    id: SegmentId,
    bytes: &[u8],
    partitions: &mut BTreeMap<Partition, Vec<Trace>>,
    set_aside: &mut Vec<PathBuf>,
) -> Result<u64, TracesError> {
    segment::check_version(folder, id, bytes)?;
    let mut count = 0;
    for piece in frame::pieces(bytes) {
        match piece {
            Piece::Record { offset, payload, .. } => {
                let trace = segment::decode(folder, id, offset, payload)?;
                partitions.entry(Partition::of(&trace)).or_default().push(trace);
                count += 1;
            }
            Piece::Damage { .. } => {
                let path = segment::set_aside(folder, id, bytes)?;
                if !set_aside.contains(&path) {
                    set_aside.push(path);
                }
            }
        }
    }
    Ok(count)
}
