//! Expected calibration error: how far confidence is from the share that is right, on average
//! over bins of equal width.
//!
//! Naeini, Cooper and Hauskrecht (2015); bins `[k/m, (k+1)/m)`. Biased upwards in small samples:
//! compare it at equal n only.

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope, Statistic};
use crate::Predictions;
use crate::reliability::{BINS, Decision, decisions, equal_width_bin};

pub const METRIC: MetricEntry = MetricEntry {
    name: "ece",
    title: "Calibration error (ECE)",
    meaning: "mean gap between stated confidence and the share that is right, over 15 bins",
    better: Better::Lower,
    scope: Scope::Inside,
    breakdown: Breakdown::WholeOnly,
    modes: ANY_MODE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    with_bins(predictions, BINS)
}

/// The error over that many bins.
///
/// # Panics
/// When `bins` is zero.
#[must_use]
pub fn with_bins(predictions: &Predictions, bins: usize) -> Statistic<'_> {
    assert!(bins > 0, "calibration needs bins");
    let decisions = decisions(predictions);
    Box::new(move |items| {
        let mut gaps = vec![0.0; bins];
        let mut n = 0usize;
        for item in items {
            for Decision { confidence, right } in &decisions[*item as usize] {
                gaps[equal_width_bin(*confidence, bins)] +=
                    confidence - f64::from(u8::from(*right));
                n += 1;
            }
        }
        gaps.iter().map(|gap| gap.abs()).sum::<f64>() / n as f64
    })
}
