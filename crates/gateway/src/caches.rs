//! Answers that were given before, so that nobody is asked, nothing leaves and nothing is paid.
//!
//! A key holds everything on which an answer depends and everything that must not meet: the
//! request in canonical form, the model at its engine, the tenant and the data class. So an answer
//! never crosses from one tenant or class to another; there is no way to ask for one without
//! saying all of them. Only whole answers are kept, of requests to which the same answer may be
//! given twice (see [`may_be_cached`]). Of identical requests in flight one is asked, and the
//! others wait for it. Memory is bounded in bytes and in age; what the rule on kept content allows
//! is also kept on a disk, if there is one.

mod flight;
mod key;
mod memory;
mod record;
mod semantic;
mod wish;

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use freehold_routing::semantic::CacheThreshold;
use freehold_vocabulary::ports::Embedder;
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{CacheKind, Digest, Timestamp};
use tracing::warn;

pub(crate) use flight::Flight;
use flight::{Flights, Turn};
pub(crate) use key::{Scope, key, may_be_cached};
use memory::Memory;
pub(crate) use record::{Recorder, Stored};
pub(crate) use semantic::Question;
use semantic::Semantic;
pub(crate) use wish::{Call, Wish, call, layer};

/// How long a request waits for an identical one before it is asked itself.
const FOLLOW_MAX: Duration = Duration::from_secs(60);

/// How much is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes of all answers in memory.
    pub memory_bytes_max: NonZeroUsize,
    /// A larger answer is not kept.
    pub entry_bytes_max: NonZeroUsize,
    /// An older answer is not given.
    pub age_max: Duration,
}

impl Default for CacheLimits {
    fn default() -> Self {
        let bytes = |n: usize| NonZeroUsize::new(n).expect("every default is positive");
        Self {
            memory_bytes_max: bytes(64 << 20),
            entry_bytes_max: bytes(1 << 20),
            age_max: Duration::from_secs(3600),
        }
    }
}

/// Which requests of a model may be answered from the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheUse {
    Never,
    /// Those that ask for temperature 0.
    #[default]
    Deterministic,
    /// Also those whose answer would be drawn anew: the operator says that one drawing will do.
    Always,
}

/// What may be given again of a model.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CacheRule {
    pub usage: CacheUse,
    /// How alike questions must be; none compares nothing.
    pub semantic: Option<CacheThreshold>,
}

/// Where answers outlive the process. Only the binary knows of files; calls may block.
pub trait CacheShelf: Send + Sync + fmt::Debug {
    /// What was put there under that key, if it is still there and undamaged.
    fn get(&self, key: &Digest) -> Option<Vec<u8>>;
    /// Keeps it, perhaps in place of what was not asked for longest. A failure loses nothing.
    fn put(&self, key: &Digest, bytes: &[u8]);
}

/// What became of a request at the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    /// It may not be answered from one.
    #[default]
    Bypass,
    Miss,
    Hit(CacheKind),
}

impl CacheStatus {
    /// The word in the header of the answer.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Miss => "miss",
            Self::Hit(CacheKind::Exact) => "hit",
            Self::Hit(CacheKind::Semantic) => "semantic-hit",
        }
    }
}

/// All caches of the server.
#[derive(Debug)]
pub(crate) struct Caches {
    limits: CacheLimits,
    memory: Mutex<Memory>,
    flights: Flights,
    shelf: OnceLock<Arc<dyn CacheShelf>>,
    semantic: OnceLock<Semantic>,
    hits: AtomicU64,
    semantic_hits: AtomicU64,
    misses: AtomicU64,
    bypasses: AtomicU64,
    /// In 10⁻¹² of each currency.
    saved: Mutex<BTreeMap<String, u64>>,
}

/// A known answer, and how it is known.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) stored: Arc<Stored>,
    pub(crate) kind: CacheKind,
}

/// What a look-up found.
#[derive(Debug)]
pub(crate) enum Found {
    Hit(Arc<Stored>),
    /// Nothing; whoever asks now answers those who ask meanwhile.
    Miss(Option<Flight>),
}

/// Whether an answer may lie on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Anywhere,
    /// The rule on kept content forbids the disk.
    InMemory,
}

impl Caches {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            memory: Mutex::new(Memory::new(limits.memory_bytes_max.get())),
            flights: Flights::default(),
            shelf: OnceLock::new(),
            semantic: OnceLock::new(),
            hits: AtomicU64::new(0),
            semantic_hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            bypasses: AtomicU64::new(0),
            saved: Mutex::default(),
        }
    }

    /// From now on, answers are also kept there. The first shelf stays.
    pub(crate) fn keep_on(&self, shelf: Arc<dyn CacheShelf>) {
        // A second shelf would be a mistake of the binary, which sets one.
        let _ = self.shelf.set(shelf);
    }

    /// From now on, questions are compared with it. The first embedder stays.
    pub(crate) fn compare_with(&self, embedder: Arc<dyn Embedder>, text_bytes_max: usize) {
        // A second one would be a mistake of the binary, which has one.
        let _ = self.semantic.set(Semantic::new(embedder, text_bytes_max));
    }

    /// The vector of a question, where questions are compared.
    pub(crate) async fn vector(&self, question: &Question) -> Option<Vec<f32>> {
        self.semantic.get()?.vector(question).await
    }

    /// The answer to the most similar question that is alike enough and still known.
    pub(crate) fn alike(
        &self,
        question: &Question,
        vector: &[f32],
        threshold: &CacheThreshold,
        now: Timestamp,
    ) -> Option<Arc<Stored>> {
        let semantic = self.semantic.get()?;
        let keys = semantic.alike(&question.rest, vector, threshold.similarity_at_least);
        keys.iter().find_map(|key| self.remembered(key, now))
    }

    /// From now on, questions like this one have the answer of that key.
    pub(crate) fn answered(&self, question: Question, vector: Vec<f32>, key: Digest) {
        if let Some(semantic) = self.semantic.get() {
            semantic.remember(question.rest, vector, key);
        }
    }

    pub(crate) const fn entry_bytes_max(&self) -> usize {
        self.limits.entry_bytes_max.get()
    }

    /// Looks an answer up; waits once for an identical request that is being answered.
    pub(crate) async fn look(&self, key: &Digest, keep: Keep, now: Timestamp) -> Found {
        if let Some(stored) = self.known(key, keep, now).await {
            return Found::Hit(stored);
        }
        match self.flights.begin(key) {
            Turn::Lead(flight) => {
                // It may have landed between the look and the beginning.
                match self.remembered(key, now) {
                    Some(stored) => Found::Hit(stored),
                    None => Found::Miss(Some(flight)),
                }
            }
            Turn::Follow(landed) => {
                // A slow reader of the first answer must not hold the others for ever.
                let _ended_or_not = tokio::time::timeout(FOLLOW_MAX, landed.wait()).await;
                // Of a request that failed nobody waits a second time: a queue of failures would
                // be as slow as all of them together.
                match self.remembered(key, now) {
                    Some(stored) => Found::Hit(stored),
                    None => Found::Miss(None),
                }
            }
        }
    }

    /// The answer to a key, asked anew by whoever does not want a known one.
    pub(crate) fn begin(&self, key: &Digest) -> Option<Flight> {
        match self.flights.begin(key) {
            Turn::Lead(flight) => Some(flight),
            Turn::Follow(_) => None,
        }
    }

    /// Keeps an answer; those who wait for it get it.
    pub(crate) async fn keep(&self, key: &Digest, keep: Keep, stored: Stored) {
        let Some(bytes) = self.remember(key, stored) else { return };
        let (Some(shelf), Keep::Anywhere) = (self.shelf.get(), keep) else { return };
        let (shelf, key) = (Arc::clone(shelf), key.clone());
        let put = tokio::task::spawn_blocking(move || shelf.put(&key, &bytes));
        if let Err(cause) = put.await {
            warn!("an answer was not kept on disk: {cause}");
        }
    }

    /// In memory, unless it is too large; gives the bytes that a disk keeps.
    fn remember(&self, key: &Digest, stored: Stored) -> Option<Vec<u8>> {
        let bytes = stored.to_bytes();
        if bytes.len() > self.entry_bytes_max() {
            return None;
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.put(key.clone(), Arc::new(stored), bytes.len());
        Some(bytes)
    }

    async fn known(&self, key: &Digest, keep: Keep, now: Timestamp) -> Option<Arc<Stored>> {
        if let Some(stored) = self.remembered(key, now) {
            return Some(stored);
        }
        let (Some(shelf), Keep::Anywhere) = (self.shelf.get(), keep) else { return None };
        let (shelf, wanted) = (Arc::clone(shelf), key.clone());
        let bytes = tokio::task::spawn_blocking(move || shelf.get(&wanted)).await.ok()??;
        let stored = Stored::from_bytes(&bytes)?;
        if !self.is_fresh(&stored, now) {
            return None;
        }
        self.remember(key, stored.clone());
        Some(Arc::new(stored))
    }

    fn remembered(&self, key: &Digest, now: Timestamp) -> Option<Arc<Stored>> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = memory.get(key)?;
        if self.is_fresh(&stored, now) {
            return Some(stored);
        }
        memory.remove(key);
        None
    }

    /// A clock that was set back makes an answer old rather than young.
    fn is_fresh(&self, stored: &Stored, now: Timestamp) -> bool {
        let age = now.as_micros().saturating_sub(stored.at.as_micros());
        u64::try_from(age).is_ok_and(|it| u128::from(it) <= self.limits.age_max.as_micros())
    }

    pub(crate) fn count(&self, status: CacheStatus) {
        let counter = match status {
            CacheStatus::Bypass => &self.bypasses,
            CacheStatus::Miss => &self.misses,
            CacheStatus::Hit(CacheKind::Exact) => &self.hits,
            CacheStatus::Hit(CacheKind::Semantic) => &self.semantic_hits,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_saved(&self, saved: Option<&Cost>) {
        let Some(Cost { currency, picos }) = saved else { return };
        let mut sums = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = sums.entry(currency.clone()).or_default();
        *sum = sum.saturating_add(*picos);
    }

    /// For `/metrics`; nothing before the first request to a generating model.
    pub(crate) fn render(&self, text: &mut String) {
        let lookups = [
            ("hit", &self.hits),
            ("semantic-hit", &self.semantic_hits),
            ("miss", &self.misses),
            ("bypass", &self.bypasses),
        ];
        if lookups.iter().all(|(_, it)| it.load(Relaxed) == 0) {
            return;
        }
        let head = |text: &mut String, name: &str, help: &str, kind: &str| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        };
        let name = "freehold_cache_lookups_total";
        head(text, name, "Requests to generating models by what the cache did.", "counter");
        for (result, counter) in lookups {
            let _ = writeln!(text, "{name}{{result=\"{result}\"}} {}", counter.load(Relaxed));
        }
        let (entries, bytes, evicted) = {
            let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            (memory.len(), memory.bytes(), memory.evicted())
        };
        for (name, help, kind, value) in [
            ("freehold_cache_entries", "Answers in memory.", "gauge", entries as u64),
            ("freehold_cache_bytes", "Bytes of the answers in memory.", "gauge", bytes as u64),
            ("freehold_cache_evicted_total", "Answers that made room.", "counter", evicted),
        ] {
            head(text, name, help, kind);
            let _ = writeln!(text, "{name} {value}");
        }
        let name = "freehold_cache_saved_total";
        head(text, name, "What answers of the cache would have cost.", "counter");
        let sums = self.saved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (currency, picos) in sums {
            let _ = writeln!(text, "{name}{{currency=\"{currency}\"}} {}", picos as f64 / 1e12);
        }
    }
}

#[cfg(test)]
mod tests;
