//! Dropout whose mask is a function of its place, not of a stream.
//!
//! The backward pass regenerates the mask instead of storing it, and a mask does not depend on
//! the order in which shards are computed.

/// Names one use of dropout in one step; with an element's index it decides the element's fate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    key: u32,
    /// Elements whose hash is below this are dropped.
    threshold: u32,
    /// What the kept ones are multiplied by.
    pub scale: f32,
}

impl Mask {
    /// Keeps everything.
    pub const NONE: Self = Self { key: 0, threshold: 0, scale: 1.0 };

    /// The mask of one place (`site`) in one step; `seed` is the step's own.
    #[must_use]
    pub fn new(rate: f32, seed: u64, site: u32) -> Self {
        if rate <= 0.0 {
            return Self::NONE;
        }
        let mixed = (seed ^ (u64::from(site) << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let key = hash((mixed >> 32) as u32 ^ hash(mixed as u32 ^ site));
        Self {
            key,
            threshold: (f64::from(rate) * 4_294_967_296.0) as u32,
            scale: 1.0 / (1.0 - rate),
        }
    }

    /// Whether any element can be dropped.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.threshold == 0
    }

    /// The factor of element `index`: zero or `scale`.
    #[inline(always)]
    #[must_use]
    pub fn factor(self, index: u32) -> f32 {
        if hash(index ^ self.key) < self.threshold { 0.0 } else { self.scale }
    }
}

/// A 32-bit mixer without collisions (Wellons's `lowbias32`).
#[inline(always)]
const fn hash(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

vectorised! {
    /// `out = mask · x`, where the first element has index `first`.
    pub fn apply(mask: Mask, first: u32, x: &[f32], out: &mut [f32]) {
        if mask.is_none() {
            out.copy_from_slice(x);
            return;
        }
        for ((index, x), out) in (first..).zip(x).zip(out) {
            *out = *x * mask.factor(index);
        }
    }
}

vectorised! {
    /// `x = mask · x`.
    pub fn apply_in_place(mask: Mask, first: u32, x: &mut [f32]) {
        if mask.is_none() {
            return;
        }
        for (index, x) in (first..).zip(x) {
            *x *= mask.factor(index);
        }
    }
}

vectorised! {
    /// `out += mask · x`: the backward pass of a branch that dropped its input.
    pub fn add(mask: Mask, first: u32, x: &[f32], out: &mut [f32]) {
        for ((index, x), out) in (first..).zip(x).zip(out) {
            *out += *x * mask.factor(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_dropped_is_the_rate_and_the_mean_is_kept() {
        let mask = Mask::new(0.1, 7, 3);
        let n = 1 << 20;
        let ones = vec![1.0; n];
        let mut out = vec![0.0; n];
        apply(mask, 0, &ones, &mut out);
        let dropped = out.iter().filter(|it| **it == 0.0).count() as f64 / n as f64;
        assert!((dropped - 0.1).abs() < 2e-3, "dropped {dropped}");
        let mean = out.iter().map(|it| f64::from(*it)).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 3e-3, "mean {mean}");
    }

    #[test]
    fn steps_and_sites_have_masks_of_their_own() {
        let fate = |seed, site| {
            (0..64).map(|i| Mask::new(0.5, seed, site).factor(i) == 0.0).collect::<Vec<_>>()
        };
        assert_eq!(fate(1, 1), fate(1, 1));
        assert_ne!(fate(1, 1), fate(1, 2));
        assert_ne!(fate(1, 1), fate(2, 1));
    }

    #[test]
    fn a_slice_continues_where_the_one_before_ended() {
        let mask = Mask::new(0.3, 9, 1);
        let x: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let (mut whole, mut parts) = (vec![0.0; 100], vec![0.0; 100]);
        apply(mask, 5, &x, &mut whole);
        apply(mask, 5, &x[..33], &mut parts[..33]);
        apply(mask, 38, &x[33..], &mut parts[33..]);
        assert_eq!(whole, parts);
    }
}
