//! Names for requests and traces, unique without a lock and without global randomness.

use std::sync::atomic::{AtomicU64, Ordering};

use freehold_vocabulary::{Random, Seed, Timestamp, TraceId};

/// The increment of SplitMix64: adding it `n` times to the seed gives the stream's `n`-th state.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Draws ids. The seed must differ between processes; the binary takes it from the system.
#[derive(Debug)]
pub struct Ids {
    seed: Seed,
    process: u128,
    drawn: AtomicU64,
}

impl Ids {
    /// Ids of this seed.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        let process = u128::from(Random::new(seed.derive("process")).bits() & 0xffff) << 64;
        Self { seed, process, drawn: AtomicU64::new(0) }
    }

    /// The next id; no two of one process are equal, since the stream visits each state once.
    #[must_use]
    pub fn next(&self, at: Timestamp) -> TraceId {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed);
        let state = self.seed.0.wrapping_add(n.wrapping_mul(STEP));
        TraceId::new(at, self.process | u128::from(Random::new(Seed(state)).bits()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_of_one_instant_differ_and_sort_by_time() {
        let (early, late) = (Timestamp::from_micros(1_000), Timestamp::from_micros(9_000_000));
        let ids = Ids::new(Seed(7));
        let drawn: HashSet<_> = (0..10_000).map(|_| ids.next(early)).collect();
        assert_eq!(drawn.len(), 10_000);
        assert!(ids.next(early) < ids.next(late));
        assert_ne!(Ids::new(Seed(1)).next(early), Ids::new(Seed(2)).next(early));
    }
}
