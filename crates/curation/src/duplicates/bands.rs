//! MinHash signatures, folded into one key per band.
//!
//! Only keys are kept (four bytes a band): equal keys make candidates, and what is merely a
//! collision fails the exact comparison.

use freehold_vocabulary::{Random, Seed};

/// A family of hash functions in bands. Fixed for ever: keys never leave the process, but groups
/// must not change between two imports of one file.
#[derive(Debug)]
pub(super) struct MinHash {
    /// Odd multipliers and offsets of multiply-shift hashing (Dietzfelbinger et al. 1997).
    functions: Vec<(u64, u64)>,
    rows: usize,
}

impl MinHash {
    /// `bands` bands of `rows` minima.
    pub(super) fn new(bands: usize, rows: usize) -> Self {
        let mut random = Random::new(Seed(0x6d69_6e68_6173_6821));
        let functions = (0..bands * rows).map(|_| (random.bits() | 1, random.bits())).collect();
        Self { functions, rows }
    }

    /// Writes one key per band for a set of well mixed hashes.
    pub(super) fn keys(&self, set: &[u64], keys: &mut [u32]) {
        for (band, key) in self.functions.chunks_exact(self.rows).zip(keys) {
            let mut folded = 0u64;
            for (multiplier, offset) in band {
                let hashes =
                    set.iter().map(|it| it.wrapping_mul(*multiplier).wrapping_add(*offset) >> 32);
                let minimum = hashes.min().unwrap_or(u64::MAX);
                folded = (folded ^ minimum).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            }
            *key = (folded.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often two sets of similarity `shared / (2·size − shared)` share at least one band.
    fn candidates(bands: usize, rows: usize, size: usize, shared: usize, trials: usize) -> f64 {
        let family = MinHash::new(bands, rows);
        let mut random = Random::new(Seed(7));
        let mut hits = 0;
        for _ in 0..trials {
            let pool: Vec<u64> = (0..2 * size - shared).map(|_| random.bits()).collect();
            let (mut a, mut b) = (vec![0; bands], vec![0; bands]);
            family.keys(&pool[..size], &mut a);
            family.keys(&pool[size - shared..], &mut b);
            hits += usize::from(a.iter().zip(&b).any(|(x, y)| x == y));
        }
        hits as f64 / trials as f64
    }

    #[track_caller]
    fn check(bands: usize, rows: usize, size: usize, shared: usize, published: f64) {
        let trials = 3000;
        let found = candidates(bands, rows, size, shared, trials);
        let spread = (published * (1.0 - published) / trials as f64).sqrt();
        assert!((found - published).abs() < 4.0 * spread + 1e-3, "{found} against {published}");
    }

    #[test]
    fn candidates_are_as_frequent_as_the_formula_says() {
        // 1 − (1 − s^r)^b at s = 1/2, 4/5, 7/10, 9/10.
        check(20, 5, 30, 20, 0.470_051);
        check(20, 5, 27, 24, 0.999_644);
        check(16, 8, 34, 28, 0.613_268);
        check(16, 8, 27, 24, 0.947_049);
        check(9, 13, 38, 36, 0.928_604);
    }
}
