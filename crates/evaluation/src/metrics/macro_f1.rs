//! Macro F1: the mean of the F1 of the labels, each counting the same however rare.
//!
//! Over the labels that occur in the sample as gold or as predicted, as scikit-learn has it.

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope, Statistic};
use crate::Predictions;
use crate::per_class::Tally;

pub const METRIC: MetricEntry = MetricEntry {
    name: "macro_f1",
    title: "Macro F1",
    meaning: "F1 averaged over labels, so that a rare label counts as much as a common one",
    better: Better::Higher,
    scope: Scope::Inside,
    breakdown: Breakdown::Slices,
    modes: ANY_MODE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    Box::new(|items| Tally::of(predictions, items).macro_f1())
}
