//! Answers in memory, bounded in bytes; what was not asked for longest makes room.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use freehold_vocabulary::Digest;

use super::record::Stored;

/// What an entry takes beside its content, roughly.
const OVERHEAD_BYTES: usize = 256;

#[derive(Debug)]
pub struct Memory {
    entries: HashMap<Digest, Entry>,
    /// By last use, the longest ago first.
    order: BTreeMap<u64, Digest>,
    uses: u64,
    bytes: usize,
    bytes_max: usize,
    evicted: u64,
}

#[derive(Debug)]
struct Entry {
    stored: Arc<Stored>,
    bytes: usize,
    used: u64,
}

impl Memory {
    pub fn new(bytes_max: usize) -> Self {
        let (entries, order) = (HashMap::new(), BTreeMap::new());
        Self { entries, order, uses: 0, bytes: 0, bytes_max, evicted: 0 }
    }

    pub fn get(&mut self, key: &Digest) -> Option<Arc<Stored>> {
        let entry = self.entries.get_mut(key)?;
        self.order.remove(&entry.used);
        self.uses += 1;
        entry.used = self.uses;
        self.order.insert(self.uses, key.clone());
        Some(Arc::clone(&entry.stored))
    }

    pub fn put(&mut self, key: Digest, stored: Arc<Stored>, bytes: usize) {
        let bytes = bytes + OVERHEAD_BYTES;
        if bytes > self.bytes_max {
            return;
        }
        self.remove(&key);
        while self.bytes + bytes > self.bytes_max {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            let oldest = oldest.clone();
            self.remove(&oldest);
            self.evicted += 1;
        }
        self.uses += 1;
        self.order.insert(self.uses, key.clone());
        self.entries.insert(key, Entry { stored, bytes, used: self.uses });
        self.bytes += bytes;
        debug_assert!(self.bytes <= self.bytes_max && self.entries.len() == self.order.len());
    }

    pub fn remove(&mut self, key: &Digest) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}
