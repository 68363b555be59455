//! Log-loss of a map, and the search that minimises a function of one number.

use freehold_vocabulary::LabelMode;

use super::Map;
use crate::Observation;

/// −ln of the probability given to the truth; in multi-label tasks summed over the labels.
/// Computed from logits, so that it is finite for any finite logit.
pub(super) fn log_loss(mode: LabelMode, map: &Map, observation: &Observation) -> f64 {
    let logits = map.apply(&observation.scored.logits);
    match mode {
        LabelMode::Single => {
            let largest = logits.iter().fold(f64::NEG_INFINITY, |largest, &it| largest.max(it));
            let total: f64 = logits.iter().map(|it| (it - largest).exp()).sum();
            let gold = observation.gold.first().expect("out-of-scope examples were left out");
            largest + total.ln() - logits[*gold as usize]
        }
        LabelMode::Multi => {
            let of_label = |(label, logit): (u32, &f64)| {
                let against = if observation.gold.contains(&label) { -logit } else { *logit };
                against.max(0.0) + (-against.abs()).exp().ln_1p()
            };
            (0u32..).zip(&logits).map(of_label).sum()
        }
    }
}

/// The mean of [`log_loss`]; 0 without observations.
pub(super) fn mean_log_loss(mode: LabelMode, map: &Map, observations: &[&Observation]) -> f64 {
    let total: f64 = observations.iter().map(|it| log_loss(mode, map, it)).sum();
    total / observations.len().max(1) as f64
}

/// Where a function with one minimum between `low` and `high` has it (golden section).
pub(super) fn minimise(mut low: f64, mut high: f64, function: impl Fn(f64) -> f64) -> f64 {
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (function(left), function(right));
    while high - low > 1e-8 {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = function(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = function(right);
        }
    }
    f64::midpoint(low, high)
}
