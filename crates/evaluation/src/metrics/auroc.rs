//! AUROC for out-of-scope detection: the chance that a random item out of scope looks stranger
//! than a random one inside, ties counting half (Mann and Whitney 1947).

use super::{Better, Breakdown, Estimate, MetricEntry, SINGLE, Scope, Statistic};
use crate::Predictions;

pub const METRIC: MetricEntry = MetricEntry {
    name: "auroc",
    title: "Out-of-scope AUROC",
    meaning: "chance that an out-of-scope item looks stranger than an in-scope one",
    better: Better::Higher,
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
        let (mut inside_below, mut outside_total, mut wins) = (0.0, 0.0, 0.0);
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let weight = |out: bool| -> f64 {
                let side = group.iter().filter(|it| it.1 == out);
                side.map(|it| f64::from(drawn[it.2 as usize])).sum()
            };
            let (inside, outside) = (weight(false), weight(true));
            wins += outside * (inside_below + inside / 2.0);
            inside_below += inside;
            outside_total += outside;
        }
        wins / (inside_below * outside_total)
    })
}

/// Strangeness, whether out of scope, and position of every item, least strange first.
pub(super) fn by_strangeness(predictions: &Predictions) -> Vec<(f64, bool, u32)> {
    let of = |item| (predictions.strangeness(item), predictions.is_out_of_scope(item), item);
    let mut order: Vec<_> = (0..predictions.items().len() as u32).map(of).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    order
}
