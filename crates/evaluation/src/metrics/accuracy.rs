//! Accuracy: the share of items whose labels are exactly right.
//!
//! For multi-label tasks this is subset accuracy, as in scikit-learn: one label too many is a
//! miss. Items out of scope do not count here: no label could be right.

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope};
use crate::Predictions;

pub const METRIC: MetricEntry = MetricEntry {
    name: "accuracy",
    title: "Accuracy",
    meaning: "share of items answered with exactly the right label or labels",
    better: Better::Higher,
    scope: Scope::Inside,
    breakdown: Breakdown::Slices,
    modes: ANY_MODE,
    estimate: Estimate::Share(is_right),
};

fn is_right(predictions: &Predictions, item: u32) -> bool {
    predictions.answers()[item as usize].correct
}
