//! McNemar's test: do two models err on different items more often than chance explains?
//!
//! McNemar, Q. (1947); continuity correction by Edwards (1948).

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

use crate::intervals::regularized_beta;

/// Items by who was right, and the tests of "both err equally often".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    pub both_right: u64,
    pub only_candidate_right: u64,
    pub only_baseline_right: u64,
    pub both_wrong: u64,
    /// Two-sided exact binomial test: the one to quote.
    pub exact_p: f64,
    /// Chi-squared with one degree of freedom.
    pub chi_squared: f64,
    pub chi_squared_p: f64,
    /// The same with continuity correction.
    pub corrected: f64,
    pub corrected_p: f64,
}

impl McNemar {
    /// Counts pairs of (candidate right, baseline right) and tests.
    #[must_use]
    pub fn of(pairs: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut counts = [0u64; 4];
        for (candidate, baseline) in pairs {
            counts[usize::from(candidate) * 2 + usize::from(baseline)] += 1;
        }
        let [both_wrong, only_baseline, only_candidate, both_right] = counts;
        Self::from_counts(both_right, only_candidate, only_baseline, both_wrong)
    }

    /// Tests counts.
    #[must_use]
    pub fn from_counts(
        both_right: u64,
        only_candidate_right: u64,
        only_baseline_right: u64,
        both_wrong: u64,
    ) -> Self {
        let (b, c) = (only_candidate_right as f64, only_baseline_right as f64);
        let gap = (b - c).abs();
        let over_discordant = |square: f64| if b + c == 0.0 { 0.0 } else { square / (b + c) };
        let chi_squared = over_discordant(gap * gap);
        let corrected = over_discordant((gap - 1.0).max(0.0).powi(2));
        Self {
            both_right,
            only_candidate_right,
            only_baseline_right,
            both_wrong,
            exact_p: exact_p(only_candidate_right, only_baseline_right),
            chi_squared,
            chi_squared_p: erfc((chi_squared / 2.0).sqrt()),
            corrected,
            corrected_p: erfc((corrected / 2.0).sqrt()),
        }
    }
}

/// Twice the smaller tail of a fair coin.
fn exact_p(b: u64, c: u64) -> f64 {
    let (n, fewer) = (b + c, b.min(c));
    if n == 0 || b == c {
        return 1.0;
    }
    let tail = regularized_beta((n - fewer) as f64, fewer as f64 + 1.0, 0.5);
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(actual: f64, expected: f64) {
        assert!((actual / expected - 1.0).abs() < 1e-5, "{actual} against {expected}");
    }

    #[test]
    fn the_published_table_gives_the_published_values() {
        let test = McNemar::from_counts(101, 121, 59, 33);
        close(test.chi_squared, 21.355_556);
        close(test.chi_squared_p, 3.8151e-6);
        close(test.corrected, 20.672_222);
        close(test.corrected_p, 5.4501e-6);
        close(test.exact_p, 4.43445e-6);
    }

    #[test]
    fn no_disagreement_proves_nothing() {
        let test = McNemar::from_counts(10, 0, 0, 5);
        assert_eq!((test.exact_p, test.chi_squared_p, test.corrected_p), (1.0, 1.0, 1.0));
        // One against none: a fair coin does that every time.
        assert_eq!(McNemar::from_counts(0, 1, 0, 0).exact_p, 1.0);
        close(McNemar::from_counts(0, 5, 0, 0).exact_p, 0.0625);
    }

    #[test]
    fn pairs_are_counted_by_who_was_right() {
        let test = McNemar::of([(true, true), (true, false), (true, false), (false, true)]);
        assert_eq!((test.both_right, test.only_candidate_right), (1, 2));
        assert_eq!((test.only_baseline_right, test.both_wrong), (1, 0));
    }
}
