//! Micro F1: the F1 of all decisions taken together.
//!
//! For single-label tasks it equals accuracy.

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope, Statistic};
use crate::Predictions;
use crate::per_class::Tally;

pub const METRIC: MetricEntry = MetricEntry {
    name: "micro_f1",
    title: "Micro F1",
    meaning: "F1 over all label decisions together; equals accuracy when one label is right",
    better: Better::Higher,
    scope: Scope::Inside,
    breakdown: Breakdown::WholeOnly,
    modes: ANY_MODE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    Box::new(|items| Tally::of(predictions, items).micro_f1())
}
