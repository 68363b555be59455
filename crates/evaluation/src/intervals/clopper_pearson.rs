//! Clopper and Pearson's exact interval: never too short, whatever the true share. For promises
//! that must hold, such as certificates.
//!
//! Clopper, C. and Pearson, E. S. (1934), "The use of confidence or fiducial limits".

use freehold_vocabulary::{Confidence, Interval, IntervalMethod};

use super::incomplete_beta::{inverse_regularized_beta, regularized_beta};

/// The two-sided interval of a share; each side misses with at most half of the risk.
///
/// # Panics
/// When there are more successes than observations.
#[must_use]
pub fn clopper_pearson(successes: u64, n: u64, confidence: Confidence) -> Interval {
    let level = confidence.get();
    let one_side = 0.5 + level / 2.0;
    let estimate = if n == 0 { 0.0 } else { successes as f64 / n as f64 };
    let low = lower(successes, n, one_side);
    let high = upper(successes, n, one_side);
    Interval { estimate, low, high, level, n, method: IntervalMethod::ClopperPearson }
}

/// The share that the true share exceeds with a risk of at most 1 − confidence (one-sided).
///
/// # Panics
/// When there are more successes than observations.
#[must_use]
pub fn clopper_pearson_upper(successes: u64, n: u64, confidence: Confidence) -> f64 {
    upper(successes, n, confidence.get())
}

/// The share that the true share falls below with a risk of at most 1 − confidence (one-sided).
///
/// # Panics
/// When there are more successes than observations.
#[must_use]
pub fn clopper_pearson_lower(successes: u64, n: u64, confidence: Confidence) -> f64 {
    lower(successes, n, confidence.get())
}

/// Whether the one-sided upper bound is at most `rate`: the binomial test behind the bound,
/// many times cheaper than the bound itself. False without observations unless `rate` is 1.
///
/// # Panics
/// When there are more successes than observations, or `rate` is not between 0 and 1.
#[must_use]
pub fn rate_is_at_most(rate: f64, successes: u64, n: u64, confidence: Confidence) -> bool {
    assert!(successes <= n, "{successes} successes among {n} observations");
    assert!((0.0..=1.0).contains(&rate), "{rate} is not a rate");
    if successes == n || rate == 1.0 {
        return rate == 1.0;
    }
    // Chance of more successes than seen if the share were `rate`.
    let (k, rest) = (successes as f64, (n - successes) as f64);
    regularized_beta(k + 1.0, rest, rate) >= confidence.get()
}

fn upper(successes: u64, n: u64, one_side: f64) -> f64 {
    assert!(successes <= n, "{successes} successes among {n} observations");
    if successes == n {
        return 1.0;
    }
    inverse_regularized_beta(successes as f64 + 1.0, (n - successes) as f64, one_side)
}

fn lower(successes: u64, n: u64, one_side: f64) -> f64 {
    assert!(successes <= n, "{successes} successes among {n} observations");
    if successes == 0 {
        return 0.0;
    }
    inverse_regularized_beta(successes as f64, (n - successes) as f64 + 1.0, 1.0 - one_side)
}
