//! Randomness as an argument.
//!
//! A generator of our own (SplitMix64; Steele, Lea and Flood 2014) because recorded seeds must
//! give the same splits and weights for ever, and libraries change their streams between
//! versions. Not for secrets.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Where a stream of random numbers begins; recorded with everything that used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// An independent seed for a named purpose, so that adding a draw in one place does not
    /// shift every other.
    #[must_use]
    pub fn derive(self, purpose: &str) -> Self {
        let digest = Digest::of(format!("{}/{purpose}", self.0));
        let word = u64::from_str_radix(&digest.hex()[..16], 16);
        Self(word.expect("a digest is hexadecimal"))
    }
}

/// A stream of random numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Self { state: seed.0 }
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..n`; the bias of the multiply-shift is below 2⁻³² for any `n` met here.
    ///
    /// # Panics
    /// When `n` is zero.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "there is nothing to choose from");
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Fisher and Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // Reference values of SplitMix64 for seed 1234567, as listed with the xoshiro generators.
        let mut random = Random::new(Seed(1_234_567));
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn purposes_do_not_share_a_stream() {
        assert_ne!(Seed(1).derive("split"), Seed(1).derive("shuffle"));
    }
}
