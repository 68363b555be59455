//! Area under the risk–coverage curve: the error rate among kept answers, averaged over every
//! share that could be kept, most confident first.
//!
//! Geifman and El-Yaniv (2017). Answers of equal confidence share their errors evenly, so the
//! order of the items never matters. Items out of scope count as errors: the cascade must not
//! answer them.

use super::{ANY_MODE, Better, Breakdown, Estimate, MetricEntry, Scope, Statistic};
use crate::Predictions;
use crate::risk_coverage::by_confidence;

pub const METRIC: MetricEntry = MetricEntry {
    name: "aurc",
    title: "Risk–coverage area (AURC)",
    meaning: "error rate among kept answers, averaged over every share that could be kept",
    better: Better::Lower,
    scope: Scope::All,
    breakdown: Breakdown::WholeOnly,
    modes: ANY_MODE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    let order = by_confidence(predictions);
    let items_max = predictions.items().len();
    Box::new(move |items| {
        let drawn = super::times_drawn(items, items_max);
        let (mut kept, mut errors, mut area) = (0.0, 0.0, 0.0);
        for group in order.chunk_by(|a, b| a.confidence == b.confidence) {
            let weight = |item: u32| f64::from(drawn[item as usize]);
            let size: f64 = group.iter().map(|it| weight(it.item)).sum();
            let wrong: f64 = group.iter().filter(|it| !it.correct).map(|it| weight(it.item)).sum();
            for step in 1..=size as u64 {
                let part = step as f64;
                area += (errors + wrong * part / size) / (kept + part);
            }
            kept += size;
            errors += wrong;
        }
        area / kept
    })
}
