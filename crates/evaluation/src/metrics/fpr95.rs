//! FPR95: the share of out-of-scope items that slip through when 95 % of the in-scope items are
//! let through.
//!
//! The definition of Liang, Li and Srikant (2018, ODIN), with in-scope items as positives.

use super::auroc::by_strangeness;
use super::{Better, Breakdown, Estimate, MetricEntry, SINGLE, Scope, Statistic};
use crate::Predictions;

pub const METRIC: MetricEntry = MetricEntry {
    name: "fpr95",
    title: "Out-of-scope FPR95",
    meaning: "share of out-of-scope items let through when 95 % of in-scope items are",
    better: Better::Lower,
    scope: Scope::Both,
    breakdown: Breakdown::WholeOnly,
    modes: SINGLE,
    estimate: Estimate::Resampled(statistic),
};

fn statistic(predictions: &Predictions) -> Statistic<'_> {
    let order = by_strangeness(predictions);
    let items_max = predictions.items().len();
    Box::new(move |items| {
        let drawn = super::times_drawn(items, items_max);
        let weight = |out: bool, group: &[(f64, bool, u32)]| -> u64 {
            let side = group.iter().filter(|it| it.1 == out);
            side.map(|it| u64::from(drawn[it.2 as usize])).sum()
        };
        let (inside, outside) = (weight(false, &order), weight(true, &order));
        let (mut let_through, mut slipped) = (0, 0);
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let_through += weight(false, group);
            slipped += weight(true, group);
            // In integers, so that 95 of 100 is enough.
            if let_through * 100 >= inside * 95 {
                break;
            }
        }
        slipped as f64 / outside as f64
    })
}
