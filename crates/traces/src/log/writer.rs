//! The thread that writes the log.
//!
//! A group that could not be written leaves nothing behind: the segment is cut back to what was
//! acknowledged, so a refused trace does not appear later and a caller may append it again. After
//! a failed sync the segment is not used any more, since the kernel may forget which pages it did
//! not write (Rebello et al., "Can applications recover from fsync failures?", 2020).

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use freehold_vocabulary::ports::TraceLogError;
use tokio::sync::{mpsc, oneshot};

use super::OnSealed;
use super::index::{Index, Key, Place};
use crate::error::TracesError;
use crate::frame::{HEADER_BYTES, PREFIX_BYTES};
use crate::layout::{self, SegmentId};
use crate::options::Options;
use crate::segment;

/// What the thread is asked to do.
#[derive(Debug)]
pub enum Command {
    Append(Append),
    Seal(oneshot::Sender<()>),
}

/// Framed records that are acknowledged together. No trace is in it twice.
#[derive(Debug)]
pub struct Append {
    pub bytes: Vec<u8>,
    pub records: Vec<Record>,
    pub reply: oneshot::Sender<Result<(), TraceLogError>>,
}

/// One record within the bytes of an append.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    pub key: Key,
    /// Where its frame starts.
    pub start: usize,
    /// Length of its payload.
    pub length: u32,
    pub crc: u32,
}

/// See the head of the file.
pub struct Writer {
    folder: PathBuf,
    segment_bytes_max: u64,
    group_bytes_max: usize,
    next_id: SegmentId,
    current: Option<Current>,
    index: Arc<Index>,
    on_sealed: OnSealed,
}

/// The segment that grows.
struct Current {
    id: SegmentId,
    file: Arc<File>,
    /// Everything before this is acknowledged.
    length: u64,
    /// Bytes of a failed write may lie after `length`.
    ragged: bool,
}

/// Appends that are written together.
#[derive(Default)]
struct Group {
    bytes: Vec<u8>,
    places: HashMap<Key, Place>,
    replies: Vec<oneshot::Sender<Result<(), TraceLogError>>>,
}

impl Writer {
    pub fn new(
        folder: &Path,
        options: &Options,
        next_id: SegmentId,
        index: Arc<Index>,
        on_sealed: OnSealed,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            segment_bytes_max: options.segment_bytes_max,
            group_bytes_max: options.group_bytes_max,
            next_id,
            current: None,
            index,
            on_sealed,
        }
    }

    /// Works until every sender is gone and everything sent is written.
    pub fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        while let Some(command) = inbox.blocking_recv() {
            let mut next = Some(command);
            let mut appends = vec![];
            let mut bytes = 0;
            let mut seal = None;
            while let Some(command) = next.take() {
                match command {
                    Command::Append(append) => {
                        bytes += append.bytes.len();
                        appends.push(append);
                    }
                    Command::Seal(reply) => {
                        seal = Some(reply);
                        break;
                    }
                }
                if bytes < self.group_bytes_max {
                    next = inbox.try_recv().ok();
                }
            }
            self.write(appends);
            self.index.bytes_queued.fetch_sub(bytes, Ordering::AcqRel);
            if let Some(reply) = seal {
                self.seal();
                // Whoever asked may have gone.
                let _ = reply.send(());
            }
        }
    }

    fn write(&mut self, appends: Vec<Append>) {
        if appends.is_empty() {
            return;
        }
        let base = match self.open_segment() {
            Ok(base) => base,
            Err(error) => return refuse(appends.into_iter().map(|it| it.reply), &error),
        };
        let group = self.group(appends, base);
        if let Err(error) = self.store(&group) {
            return refuse(group.replies, &error);
        }
        for reply in group.replies {
            // Whoever asked may have gone; the traces stay.
            let _ = reply.send(Ok(()));
        }
        if self.current.as_ref().is_some_and(|it| it.length >= self.segment_bytes_max) {
            self.seal();
        }
    }

    /// Makes sure that there is a segment to write to, and returns its length.
    fn open_segment(&mut self) -> Result<u64, TracesError> {
        if let Some(current) = &mut self.current {
            current.mend(&self.folder)?;
            return Ok(current.length);
        }
        // A number is never used twice, also if creating the file fails half-way.
        let id = self.next_id;
        self.next_id += 1;
        let file = Arc::new(segment::create(&self.folder, id)?);
        self.index.begin(id, Arc::clone(&file));
        let length = HEADER_BYTES as u64;
        self.current = Some(Current { id, file, length, ragged: false });
        Ok(length)
    }

    /// Puts the records that are new into one buffer. A trace that is already there with the same
    /// content is acknowledged again; one with other content is refused.
    fn group(&self, appends: Vec<Append>, base: u64) -> Group {
        let mut group = Group::default();
        for append in appends {
            let known = |record: &Record| {
                let in_group = group.places.get(&record.key).copied();
                in_group.or_else(|| self.index.find(&record.key).map(|(_, place)| place))
            };
            let place =
                |record: &Record, offset| Place { offset, length: record.length, crc: record.crc };
            let clash = append.records.iter().find(|record| {
                known(record).is_some_and(|other| !other.same_content(&place(record, 0)))
            });
            if let Some(record) = clash {
                let id = String::from_utf8_lossy(&record.key);
                let reason = format!("trace `{id}` is already recorded with other content");
                let _ = append.reply.send(Err(TraceLogError::Broken(reason)));
                continue;
            }
            let new: Vec<&Record> =
                append.records.iter().filter(|record| known(record).is_none()).collect();
            for record in new {
                let offset = base + (group.bytes.len() + PREFIX_BYTES) as u64;
                let end = record.start + PREFIX_BYTES + record.length as usize;
                group.bytes.extend_from_slice(&append.bytes[record.start..end]);
                group.places.insert(record.key, place(record, offset));
            }
            group.replies.push(append.reply);
        }
        group
    }

    /// Writes and syncs; afterwards the group is durable and can be found, or leaves no trace.
    fn store(&mut self, group: &Group) -> Result<(), TracesError> {
        let Some(current) = self.current.as_mut().filter(|_| !group.bytes.is_empty()) else {
            return Ok(());
        };
        let path = layout::segment_path(&self.folder, current.id);
        let mut file = current.file.as_ref();
        if let Err(error) = file.write_all(&group.bytes) {
            current.ragged = true;
            // If this fails, it is tried again before the next write.
            let _ = current.mend(&self.folder);
            return Err(TracesError::io("append to the trace log", &path)(error));
        }
        if let Err(error) = file.sync_data() {
            current.ragged = true;
            self.seal();
            return Err(TracesError::io("sync the trace log", &path)(error));
        }
        current.length += group.bytes.len() as u64;
        self.index.add(current.id, group.places.iter().map(|(&key, &place)| (key, place)));
        Ok(())
    }

    /// Ends the present segment. One whose ragged end cannot be cut stays, since the compaction
    /// would take that end for traces.
    fn seal(&mut self) {
        let folder = &self.folder;
        if let Some(current) = self.current.take_if(|it| it.mend(folder).is_ok()) {
            self.index.seal(current.id);
            (self.on_sealed)(current.id);
        }
    }
}

impl Current {
    /// Cuts what a failed write left behind.
    fn mend(&mut self, folder: &Path) -> Result<(), TracesError> {
        if self.ragged {
            segment::cut(folder, self.id, self.length)?;
            self.ragged = false;
        }
        Ok(())
    }
}

fn refuse(
    replies: impl IntoIterator<Item = oneshot::Sender<Result<(), TraceLogError>>>,
    error: &TracesError,
) {
    for reply in replies {
        let _ = reply.send(Err(TraceLogError::Broken(format!(
            "{error}; nothing of this append was kept, free space or mend the disk and append again"
        ))));
    }
}
