//! Log-loss: the mean surprise at the truth, in nats. Punishes confident errors hardest.
//!
//! Probabilities are clipped at the machine's epsilon as in scikit-learn. For multi-label tasks
//! the mean over items and labels of the binary loss.

use freehold_vocabulary::LabelMode;

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope, Statistic};
use crate::{Prediction, Predictions};

pub const METRIC: MetricEntry = MetricEntry {
    name: "log_loss",
    title: "Log-loss",
    meaning: "mean surprise at the truth in nats; confident errors cost most",
    better: Better::Lower,
    scope: Scope::Inside,
    breakdown: Breakdown::Slices,
    modes: ANY_MODE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    let losses: Vec<f64> =
        predictions.items().iter().map(|item| loss(item, predictions.mode())).collect();
    Box::new(move |items| super::mean(&losses, items))
}

fn loss(item: &Prediction, mode: LabelMode) -> f64 {
    let surprise = |p: f64| -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
    match mode {
        LabelMode::Single => {
            item.gold.first().map_or(f64::NAN, |gold| surprise(item.probabilities[*gold as usize]))
        }
        LabelMode::Multi => {
            let one = |(label, p): (u32, &f64)| {
                surprise(if item.gold.contains(&label) { *p } else { 1.0 - p })
            };
            let total: f64 = (0u32..).zip(&item.probabilities).map(one).sum();
            total / item.probabilities.len() as f64
        }
    }
}
