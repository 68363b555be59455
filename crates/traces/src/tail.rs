//! The newest traces, and those that come after them.
//!
//! Reads the log first, which holds the newest, and parts only as far as needed. Keeps no clock:
//! whoever follows decides how often to look.

use std::path::{Path, PathBuf};

use freehold_vocabulary::{TaskName, Trace};

use crate::error::TracesError;
use crate::frame::{HEADER_BYTES, PREFIX_BYTES, Piece, Pieces};
use crate::layout::SegmentId;
use crate::parquet_file;
use crate::segment;
use crate::snapshot::{self, OpenSegment, Part, Snapshot};

/// A reader that stands at the end of a trace log.
#[derive(Debug)]
pub struct Tail {
    folder: PathBuf,
    task: Option<TaskName>,
    /// The segment up to which everything has been seen, still open although it may be compacted.
    current: Option<OpenSegment>,
    /// What of it has been seen.
    offset: usize,
    /// Everything up to this segment has been seen.
    seen_through: SegmentId,
}

/// What has come since the last look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fresh {
    /// In the order in which they were recorded.
    pub traces: Vec<Trace>,
    /// More was recorded and compacted between two looks than can be told; ask with SQL.
    pub missed: bool,
}

/// The `count` newest traces of a task, or of all, oldest first; and a reader that waits for more.
///
/// # Errors
/// When there is no such folder, the disk fails, or another version wrote it.
pub fn tail(
    folder: impl AsRef<Path>,
    count: usize,
    task: Option<TaskName>,
) -> Result<(Vec<Trace>, Tail), TracesError> {
    let folder = folder.as_ref();
    for _ in 0..snapshot::ATTEMPTS_MAX {
        let mut snapshot = snapshot::take(folder, &|_| true)?;
        let mut tail = Tail {
            folder: folder.to_owned(),
            task: task.clone(),
            current: None,
            offset: HEADER_BYTES,
            seen_through: snapshot.compacted_through,
        };
        let segments = std::mem::take(&mut snapshot.segments);
        let newest = tail.newest(segments, &snapshot.parts, count);
        if newest.is_ok() || !snapshot::is_stale(folder, &snapshot)? {
            return newest.map(|traces| (traces, tail));
        }
    }
    Err(snapshot::restless(folder))
}

impl Tail {
    /// What has been recorded since the last look. Also traces whose acknowledgement is on its way.
    ///
    /// # Errors
    /// When the disk fails or another version wrote the folder.
    pub fn fresh(&mut self) -> Result<Fresh, TracesError> {
        let mut fresh = Fresh::default();
        if let Some(current) = self.current.take() {
            let bytes = current.read_from(&self.folder, self.offset as u64)?;
            self.read(&current, &bytes, self.offset, &mut fresh.traces)?;
            self.current = Some(current);
        }
        let mut snapshot = snapshot::take(&self.folder, &|_| false)?;
        if snapshot.compacted_through > self.seen_through {
            let (later, compacted, straddling) = self.compacted_since()?;
            fresh.traces.extend(compacted);
            fresh.missed = straddling;
            snapshot = later;
            self.seen_through = snapshot.compacted_through;
        }
        for segment in snapshot.segments {
            if segment.id > self.seen_through {
                self.enter(segment, &mut fresh.traces)?;
            }
        }
        Ok(fresh)
    }

    /// Traces of segments that came and were compacted between two looks; and whether some of them
    /// are in parts that also hold older ones.
    fn compacted_since(&self) -> Result<(Snapshot, Vec<Trace>, bool), TracesError> {
        for _ in 0..snapshot::ATTEMPTS_MAX {
            let snapshot = snapshot::take(&self.folder, &|_| true)?;
            let mut straddling = false;
            let mut traces = Ok(vec![]);
            for part in snapshot.parts.iter().filter(|part| self.wants(&part.name.partition.task)) {
                if part.name.first > self.seen_through {
                    let read = parquet_file::traces(&part.path, &part.name.partition.task);
                    traces = traces.and_then(|mut all: Vec<Trace>| {
                        read.map(|it| {
                            all.extend(it);
                            all
                        })
                    });
                }
                straddling |= (part.name.first..part.name.last).contains(&self.seen_through);
            }
            if traces.is_ok() || !snapshot::is_stale(&self.folder, &snapshot)? {
                let mut traces = traces?;
                traces.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
                return Ok((snapshot, traces, straddling));
            }
        }
        Err(snapshot::restless(&self.folder))
    }

    fn newest(
        &mut self,
        segments: Vec<OpenSegment>,
        parts: &[Part],
        count: usize,
    ) -> Result<Vec<Trace>, TracesError> {
        let mut traces = vec![];
        for segment in segments {
            self.enter(segment, &mut traces)?;
            keep_newest(&mut traces, count);
        }
        let mut parts: Vec<&Part> = parts.iter().collect();
        // Newest day first. A day is read as a whole: its tasks and parts overlap in time.
        parts.sort_by(|a, b| b.name.partition.day.cmp(&a.name.partition.day));
        for day in parts.chunk_by(|a, b| a.name.partition.day == b.name.partition.day) {
            if traces.len() >= count {
                break;
            }
            for part in day.iter().filter(|part| self.wants(&part.name.partition.task)) {
                traces.extend(parquet_file::traces(&part.path, &part.name.partition.task)?);
                keep_newest(&mut traces, count);
            }
        }
        traces.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Ok(traces)
    }

    fn enter(&mut self, segment: OpenSegment, traces: &mut Vec<Trace>) -> Result<(), TracesError> {
        let bytes = segment.read_from(&self.folder, 0)?;
        segment::check_version(&self.folder, segment.id, &bytes)?;
        let records = bytes.get(HEADER_BYTES..).unwrap_or_default();
        self.read(&segment, records, HEADER_BYTES, traces)?;
        self.seen_through = segment.id;
        self.current = Some(segment);
        Ok(())
    }

    /// Reads the records in `bytes`, which lie at `base` in the segment.
    fn read(
        &mut self,
        open: &OpenSegment,
        bytes: &[u8],
        base: usize,
        traces: &mut Vec<Trace>,
    ) -> Result<(), TracesError> {
        self.offset = base;
        for piece in Pieces::of(bytes) {
            match piece {
                Piece::Record { offset, payload, .. } => {
                    let trace = segment::decode(&self.folder, open.id, base + offset, payload)?;
                    if self.wants(&trace.task) {
                        traces.push(trace);
                    }
                    self.offset = base + offset + PREFIX_BYTES + payload.len();
                }
                // The end may be a write in progress: look there again.
                Piece::Damage { last: true, .. } => break,
                Piece::Damage { offset, bytes, last: false } => self.offset = base + offset + bytes,
            }
        }
        Ok(())
    }

    fn wants(&self, task: &TaskName) -> bool {
        self.task.as_ref().is_none_or(|it| it == task)
    }
}

/// Drops all but the newest, now and then, so that memory stays in proportion to `count`.
fn keep_newest(traces: &mut Vec<Trace>, count: usize) {
    if traces.len() > count {
        traces.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        traces.drain(..traces.len() - count);
    }
}
