//! Wilson's score interval: for shares that are shown, since it is short and keeps its level
//! near 0 and 1. Not for certificates, whose level must never be missed.
//!
//! Wilson, E. B. (1927), "Probable inference, the law of succession, and statistical inference".

use freehold_vocabulary::{Confidence, Interval, IntervalMethod};
use statrs::distribution::{ContinuousCDF, Normal};

/// The two-sided interval of a share, without continuity correction.
///
/// # Panics
/// When there are more successes than observations.
#[must_use]
pub fn wilson(successes: u64, n: u64, confidence: Confidence) -> Interval {
    assert!(successes <= n, "{successes} successes among {n} observations");
    let level = confidence.get();
    let method = IntervalMethod::Wilson;
    if n == 0 {
        return Interval { estimate: 0.0, low: 0.0, high: 1.0, level, n, method };
    }
    let (count, share) = (n as f64, successes as f64 / n as f64);
    let z = normal_quantile(0.5 + level / 2.0);
    let z2 = z * z;
    let centre = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
    let spread = share * (1.0 - share) / count + z2 / (4.0 * count * count);
    let half = z / (1.0 + z2 / count) * spread.sqrt();
    // The formula gives these two exactly; the arithmetic misses them by a few ulps.
    let low = if successes == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if successes == n { 1.0 } else { (centre + half).min(1.0) };
    Interval { estimate: share, low, high, level, n, method }
}

/// The point below which a standard normal variable falls with that probability.
///
/// # Panics
/// When the probability is not between 0 and 1.
#[must_use]
pub fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}
