//! The loss of a shard and the gradient of its logits.

use freehold_vocabulary::LabelMode;

use super::batch::Shard;

/// Replaces the logits by the gradient of the loss and returns the loss.
///
/// Texts are weighted and the sum is divided by `total`, the weight of the whole batch, so the
/// shards of a batch add up to its mean.
pub fn apply(mode: LabelMode, labels: usize, total: f32, shard: &mut Shard) -> f64 {
    let texts = shard.lengths.len();
    let logits = shard.logits[..texts * labels].chunks_exact_mut(labels);
    let rows = logits.zip(shard.targets.chunks_exact(labels)).zip(&shard.weights);
    rows.map(|((logits, target), weight)| {
        let share = weight / total;
        let loss = match mode {
            LabelMode::Single => cross_entropy(logits, target),
            LabelMode::Multi => binary_cross_entropy(logits, target),
        };
        logits.iter_mut().for_each(|it| *it *= share);
        loss * f64::from(share)
    })
    .sum()
}

/// Softmax against a distribution.
fn cross_entropy(logits: &mut [f32], target: &[f32]) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|it| f64::from(it - most).exp()).sum();
    let log_total = total.ln() + f64::from(most);
    let wished: f64 = target.iter().map(|it| f64::from(*it)).sum();
    let mut loss = 0.0;
    for (logit, target) in logits.iter_mut().zip(target) {
        let log_probability = f64::from(*logit) - log_total;
        loss -= f64::from(*target) * log_probability;
        *logit = (log_probability.exp() * wished) as f32 - target;
    }
    loss
}

/// A sigmoid for each label; the mean over labels.
fn binary_cross_entropy(logits: &mut [f32], target: &[f32]) -> f64 {
    let labels = logits.len() as f64;
    let mut loss = 0.0;
    for (logit, target) in logits.iter_mut().zip(target) {
        let (x, t) = (f64::from(*logit), f64::from(*target));
        loss += (x.max(0.0) - x * t + (-x.abs()).exp().ln_1p()) / labels;
        *logit = ((1.0 / (1.0 + (-x).exp()) - t) / labels) as f32;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{Slope, numbers};

    #[track_caller]
    fn check(mode: LabelMode, target: &[f32]) {
        let logits = numbers(1, 10);
        let at = |logits: &[f32]| {
            let mut shard = Shard {
                lengths: vec![1, 1],
                targets: target.to_vec(),
                weights: vec![1.0, 3.0],
                logits: logits.to_vec(),
                ..Shard::default()
            };
            (apply(mode, 5, 4.0, &mut shard), shard.logits)
        };
        Slope::of(|logits| at(logits).0, &logits).check(&at(&logits).1);
    }

    #[test]
    fn gradients_are_slopes() {
        check(LabelMode::Single, &[0.0, 1.0, 0.0, 0.0, 0.0, 0.1, 0.1, 0.6, 0.1, 0.1]);
        check(LabelMode::Multi, &[0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }
}
