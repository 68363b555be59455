//! Adaptive calibration error: as the expected calibration error, over bins of equal mass.
//!
//! Nixon et al. (2019), "Measuring calibration in deep learning". Bins of equal width leave most
//! bins of a confident model almost empty; here each holds the same number of answers.

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope, Statistic};
use crate::Predictions;
use crate::reliability::{BINS, decisions};

pub const METRIC: MetricEntry = MetricEntry {
    name: "adaptive_ece",
    title: "Adaptive calibration error",
    meaning: "mean gap between confidence and the share that is right, over 15 equally full bins",
    better: Better::Lower,
    scope: Scope::Inside,
    breakdown: Breakdown::WholeOnly,
    modes: ANY_MODE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    // Sorting once and counting how often each decision was drawn keeps a resample linear.
    let mut sorted: Vec<(f64, bool, u32)> = Vec::new();
    for (item, decisions) in (0u32..).zip(decisions(predictions)) {
        sorted.extend(decisions.iter().map(|it| (it.confidence, it.right, item)));
    }
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let items_max = predictions.items().len();
    Box::new(move |items| {
        let drawn = super::times_drawn(items, items_max);
        let total: u64 = sorted.iter().map(|(_, _, item)| u64::from(drawn[*item as usize])).sum();
        let mut gaps = [0.0; BINS];
        let mut rank = 0u64;
        for (confidence, right, item) in &sorted {
            for _ in 0..drawn[*item as usize] {
                let bin = (rank * BINS as u64 / total) as usize;
                gaps[bin] += confidence - f64::from(u8::from(*right));
                rank += 1;
            }
        }
        gaps.iter().map(|gap| gap.abs()).sum::<f64>() / total as f64
    })
}
