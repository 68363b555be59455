//! Matthews's correlation for many classes: agreement beyond what the class sizes explain.
//!
//! Gorodkin, J. (2004), "Comparing two K-category assignments by a K-category correlation
//! coefficient". Zero when either side never varies, as in scikit-learn.

use super::{Better, Breakdown, Estimate, MetricEntry, SINGLE, Scope, Statistic};
use crate::Predictions;
use crate::per_class::Tally;

pub const METRIC: MetricEntry = MetricEntry {
    name: "matthews",
    title: "Matthews correlation",
    meaning: "agreement with the truth beyond chance: 1 perfect, 0 no better than guessing",
    better: Better::Higher,
    scope: Scope::Inside,
    breakdown: Breakdown::WholeOnly,
    modes: SINGLE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    Box::new(|items| {
        let tally = Tally::of(predictions, items);
        let n = items.len() as f64;
        let (mut right, mut gold_predicted, mut gold_gold, mut predicted_predicted) =
            (0.0, 0.0, 0.0, 0.0);
        for class in 0..tally.right.len() {
            let (gold, predicted) =
                (f64::from(tally.gold[class]), f64::from(tally.predicted[class]));
            right += f64::from(tally.right[class]);
            gold_predicted += gold * predicted;
            gold_gold += gold * gold;
            predicted_predicted += predicted * predicted;
        }
        let spread = (n * n - predicted_predicted) * (n * n - gold_gold);
        if spread <= 0.0 { 0.0 } else { (right * n - gold_predicted) / spread.sqrt() }
    })
}
