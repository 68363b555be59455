//! Brier score: the squared distance between the probabilities and the truth.
//!
//! Brier, G. W. (1950). Single-label: summed over the labels, so from 0 to 2. Multi-label: the
//! mean over labels, so from 0 to 1.

use freehold_vocabulary::LabelMode;

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope, Statistic};
use crate::{Prediction, Predictions};

pub const METRIC: MetricEntry = MetricEntry {
    name: "brier",
    title: "Brier score",
    meaning: "squared distance between probabilities and truth: 0 is perfect",
    better: Better::Lower,
    scope: Scope::Inside,
    breakdown: Breakdown::WholeOnly,
    modes: ANY_MODE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    let losses: Vec<f64> =
        predictions.items().iter().map(|item| loss(item, predictions.mode())).collect();
    Box::new(move |items| super::mean(&losses, items))
}

fn loss(item: &Prediction, mode: LabelMode) -> f64 {
    let one = |(label, p): (u32, &f64)| {
        let truth = f64::from(u8::from(item.gold.contains(&label)));
        (p - truth) * (p - truth)
    };
    let total: f64 = (0u32..).zip(&item.probabilities).map(one).sum();
    match mode {
        LabelMode::Single => total,
        LabelMode::Multi => total / item.probabilities.len() as f64,
    }
}
