//! A head that already works on the base's own vectors, before anything is fine-tuned.

use freehold_models::Activation;
use freehold_vocabulary::LabelMode;

use super::corpus::Corpus;
use super::predict::{self, Wanted};
use super::probe::Problem;
use super::spec::EncoderSpec;
use crate::checkpoint::Score;
use crate::network::batch::Shard;
use crate::network::{Dropout, Network};

/// Inverse strengths of the penalty that are tried on validation examples, in the convention of
/// scikit-learn; without validation examples the middle one is taken.
const COSTS: [f64; 3] = [3.0, 10.0, 30.0];

/// How far a square tanh layer stays inside the part of tanh that is nearly a line.
const IDENTITY_SCALE: f32 = 0.2;

/// Fits the head by logistic regression and returns how good it is on validation examples.
pub fn fit(
    spec: &EncoderSpec,
    network: &mut Network,
    train: &Corpus,
    validation: &Corpus,
    shards: &mut Vec<Shard>,
) -> Option<Score> {
    open_dense(network);
    let train_vectors = predict::compute(network, train, shards, Wanted::Pooled);
    let features = features(network, train_vectors);
    let class_weights = train.class_weights(spec.class_weights);
    let classes: Vec<u32> = (0..train.len()).map(|it| train.labels(it)[0]).collect();
    let weights: Vec<f32> = classes.iter().map(|it| class_weights[*it as usize]).collect();
    let problem = |cost: f64| Problem {
        features: &features,
        width: network.hidden,
        classes: &classes,
        class_count: network.head.labels,
        weights: &weights,
        penalty: 1.0 / (2.0 * cost * classes.len() as f64),
    };
    if validation.is_empty() {
        let solution = problem(COSTS[1]).solve();
        put(network, &solution.weight, &solution.bias);
        return None;
    }
    let solutions = COSTS.map(|cost| problem(cost).solve());
    let mut best: Option<(Score, usize)> = None;
    let vectors = predict::compute(network, validation, shards, Wanted::Pooled);
    for (number, solution) in solutions.iter().enumerate() {
        put(network, &solution.weight, &solution.bias);
        let logits = classify(network, &vectors);
        let score = predict::score(LabelMode::Single, validation, &logits);
        if best.is_none_or(|(best, _)| score.beats(&best)) {
            best = Some((score, number));
        }
    }
    let (score, number) = best?;
    put(network, &solutions[number].weight, &solutions[number].bias);
    Some(score)
}

/// Logits of pooled vectors.
pub fn classify(network: &Network, vectors: &[f32]) -> Vec<f32> {
    let mut shard = shard_of(network, vectors.to_vec());
    network.head.classify(network, &mut shard, &Dropout::default());
    shard.logits
}

/// Makes a square tanh layer nearly the identity, so that the probe sees the base's vectors.
fn open_dense(network: &mut Network) {
    let Some(dense) = network.head.dense.filter(|it| it.activation == Activation::Tanh) else {
        return;
    };
    let hidden = network.hidden;
    let weight = network.weights.get_mut(dense.weight);
    weight.fill(0.0);
    weight.iter_mut().step_by(hidden + 1).for_each(|it| *it = IDENTITY_SCALE);
    network.weights.get_mut(dense.bias).fill(0.0);
}

/// What the classifier sees.
fn features(network: &Network, vectors: Vec<f32>) -> Vec<f32> {
    if network.head.dense.is_none() {
        return vectors;
    }
    let mut shard = shard_of(network, vectors);
    network.head.classify(network, &mut shard, &Dropout::default());
    shard.dropped
}

fn shard_of(network: &Network, pooled: Vec<f32>) -> Shard {
    Shard { lengths: vec![1; pooled.len() / network.hidden], pooled, ..Shard::default() }
}

fn put(network: &mut Network, weight: &[f32], bias: &[f32]) {
    let (weight_span, bias_span) = (network.head.weight, network.head.bias);
    network.weights.get_mut(weight_span).copy_from_slice(weight);
    network.weights.get_mut(bias_span).copy_from_slice(bias);
}
