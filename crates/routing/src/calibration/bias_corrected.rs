//! Temperature scaling with a bias for each label (Alexandari, Kundaje and Shrikumar 2020, arXiv
//! 1901.06852): corrects labels that a model gives too often or too rarely.
//!
//! Biases are drawn towards zero by a normal prior, since a label may have few examples.

use freehold_vocabulary::LabelMode;

use super::loss::mean_log_loss;
use super::{Map, Method, softmax, temperature};
use crate::Observation;

/// For softmax.
pub(super) const METHOD: Method = Method { name: "bias_corrected", mode: LabelMode::Single, fit };

/// Standard deviation of the prior of a bias, in logits.
const PRIOR_DEVIATION: f64 = 0.5;
const STEPS_MAX: u32 = 60;
/// Alternations between biases and temperature.
const ROUNDS: u32 = 3;

fn fit(observations: &[&Observation]) -> Map {
    let labels = observations.first().map_or(0, |it| it.scored.logits.len());
    let mut biases = vec![0.0; labels];
    let mut scale = 1.0;
    for _ in 0..ROUNDS {
        scale = fit_scale(observations, &biases, scale);
        fit_biases(observations, scale, &mut biases);
    }
    Map::Affine { scales: vec![scale; labels], biases }
}

fn fit_scale(observations: &[&Observation], biases: &[f64], start: f64) -> f64 {
    if biases.iter().all(|it| *it == 0.0) {
        let Map::Temperature { temperature } = temperature::fit(LabelMode::Single, observations)
        else {
            unreachable!("temperature scaling gives a temperature");
        };
        return 1.0 / temperature;
    }
    let at =
        |log: f64| Map::Affine { scales: vec![log.exp(); biases.len()], biases: biases.to_vec() };
    let loss = |log: f64| mean_log_loss(LabelMode::Single, &at(log), observations);
    super::loss::minimise(start.ln() - 0.7, start.ln() + 0.7, loss).exp()
}

/// Newton steps with the diagonal Σ p in place of the Hessian Σ (diag p − p pᵀ), which it exceeds:
/// steps are short of Newton's, and need no matrix.
fn fit_biases(observations: &[&Observation], scale: f64, biases: &mut [f64]) {
    let precision = PRIOR_DEVIATION.powi(-2);
    for _ in 0..STEPS_MAX {
        let mut gradient: Vec<f64> = biases.iter().map(|it| it * precision).collect();
        let mut curvature = vec![precision; biases.len()];
        for it in observations {
            let logits: Vec<f64> = it
                .scored
                .logits
                .iter()
                .zip(&*biases)
                .map(|(&logit, bias)| scale * f64::from(logit) + bias)
                .collect();
            for (label, probability) in softmax(&logits).into_iter().enumerate() {
                gradient[label] += probability;
                curvature[label] += probability;
            }
            gradient[it.gold[0] as usize] -= 1.0;
        }
        let mut largest = 0.0f64;
        for ((bias, slope), bend) in biases.iter_mut().zip(gradient).zip(curvature) {
            let step = slope / bend;
            *bias -= step;
            largest = largest.max(step.abs());
        }
        if largest < 1e-6 {
            return;
        }
    }
}
