//! Hamming loss: the share of single label decisions that are wrong, for multi-label tasks.

use super::{Better, Breakdown, Estimate, MULTI, MetricEntry, Scope, Statistic};
use crate::Predictions;

pub const METRIC: MetricEntry = MetricEntry {
    name: "hamming_loss",
    title: "Hamming loss",
    meaning: "share of yes/no decisions about single labels that are wrong",
    better: Better::Lower,
    scope: Scope::All,
    breakdown: Breakdown::WholeOnly,
    modes: MULTI,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    let differences = |(item, answer): (&crate::Prediction, &crate::predictions::Answer)| {
        let hits = item.gold.iter().filter(|label| answer.predicted.contains(label)).count();
        item.gold.len() + answer.predicted.len() - 2 * hits
    };
    let wrong: Vec<usize> =
        predictions.items().iter().zip(predictions.answers()).map(differences).collect();
    let labels = predictions.labels().len();
    Box::new(move |items| {
        let total: usize = items.iter().map(|item| wrong[*item as usize]).sum();
        total as f64 / (items.len() * labels) as f64
    })
}
