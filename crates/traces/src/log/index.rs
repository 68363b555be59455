//! Where each trace of the log lies, in memory, until it is compacted.
//!
//! Holds places, not traces: about 100 bytes for each. Every segment keeps its file open, so a trace
//! can be read even while the compaction removes the file.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use freehold_vocabulary::TraceId;

use crate::layout::SegmentId;

/// The bytes of a trace id.
pub type Key = [u8; 26];

/// The key of an id; `None` for an id that was made without being checked.
pub fn key(id: &TraceId) -> Option<Key> {
    id.as_str().as_bytes().try_into().ok()
}

/// A payload within its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub offset: u64,
    pub length: u32,
    pub crc: u32,
}

impl Place {
    /// Whether two places hold the same payload.
    pub fn same_content(&self, other: &Self) -> bool {
        self.length == other.length && self.crc == other.crc
    }
}

/// The traces of the log, by segment.
#[derive(Debug, Default)]
pub struct Index {
    segments: RwLock<BTreeMap<SegmentId, Segment>>,
    /// Bytes that wait for the disk.
    pub bytes_queued: AtomicUsize,
}

#[derive(Debug)]
struct Segment {
    file: Arc<File>,
    places: HashMap<Key, Place>,
    sealed: bool,
}

/// Traces that lie in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub segments: usize,
    pub traces: usize,
}

impl Index {
    /// Adds a segment.
    pub fn begin(&self, id: SegmentId, file: Arc<File>) {
        self.write().insert(id, Segment { file, places: HashMap::new(), sealed: false });
    }

    /// Adds durable traces of a segment that was begun.
    pub fn add(&self, id: SegmentId, places: impl IntoIterator<Item = (Key, Place)>) {
        if let Some(segment) = self.write().get_mut(&id) {
            segment.places.extend(places);
        }
    }

    /// Nothing will be added to the segment any more.
    pub fn seal(&self, id: SegmentId) {
        if let Some(segment) = self.write().get_mut(&id) {
            segment.sealed = true;
        }
    }

    /// Forgets the segments up to `last`.
    pub fn forget_through(&self, last: SegmentId) {
        let mut segments = self.write();
        let kept = segments.split_off(&(last + 1));
        let forgotten = std::mem::replace(&mut *segments, kept);
        drop(segments);
        // Freed after the lock is released: it can be a million entries.
        drop(forgotten);
    }

    /// Where a trace lies.
    pub fn find(&self, key: &Key) -> Option<(Arc<File>, Place)> {
        let segments = self.read();
        let mut newest_first = segments.values().rev();
        newest_first.find_map(|it| Some((Arc::clone(&it.file), *it.places.get(key)?)))
    }

    /// The last of the sealed segments that come before every open one.
    pub fn sealed_through(&self) -> Option<SegmentId> {
        let segments = self.read();
        segments.iter().take_while(|(_, it)| it.sealed).last().map(|(&id, _)| id)
    }

    /// How much lies in the log.
    pub fn extent(&self) -> Extent {
        let segments = self.read();
        let traces = segments.values().map(|it| it.places.len()).sum();
        Extent { segments: segments.len(), traces }
    }

    // A panic cannot leave the map half changed, so a poisoned lock is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<SegmentId, Segment>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<SegmentId, Segment>> {
        self.segments.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the writer from acknowledging, so that a test can fill the queue.
    #[cfg(test)]
    pub fn hold(&self) -> impl Sized + '_ {
        self.read()
    }
}
