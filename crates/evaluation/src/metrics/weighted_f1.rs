//! Weighted F1: the mean of the F1 of the labels, each weighted by how often it is gold.

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope, Statistic};
use crate::Predictions;
use crate::per_class::Tally;

pub const METRIC: MetricEntry = MetricEntry {
    name: "weighted_f1",
    title: "Weighted F1",
    meaning: "F1 averaged over labels, each weighted by how often it is the right one",
    better: Better::Higher,
    scope: Scope::Inside,
    breakdown: Breakdown::WholeOnly,
    modes: ANY_MODE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    Box::new(|items| Tally::of(predictions, items).weighted_f1())
}
