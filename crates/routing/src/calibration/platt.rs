//! A logistic curve for each label (Platt 1999), fitted by the safeguarded Newton method of Lin,
//! Lin and Weng (2007), with their smoothed targets so that a label without positives stays
//! finite.

use freehold_vocabulary::LabelMode;

use super::{Map, Method, sigmoid};
use crate::Observation;

/// For sigmoids.
pub(super) const METHOD: Method = Method { name: "platt", mode: LabelMode::Multi, fit };

const STEPS_MAX: u32 = 100;
/// Keeps the Hessian invertible.
const RIDGE: f64 = 1e-10;

fn fit(observations: &[&Observation]) -> Map {
    let labels = observations.first().map_or(0, |it| it.scored.logits.len());
    let of_label = |label: usize| {
        let positive = |it: &&Observation| it.gold.contains(&(label as u32));
        let points =
            observations.iter().map(|it| (f64::from(it.scored.logits[label]), positive(it)));
        fit_curve(&points.collect::<Vec<_>>())
    };
    let (scales, biases) = (0..labels).map(of_label).unzip();
    Map::Affine { scales, biases }
}

/// Slope and intercept of P(positive) = sigmoid(slope · logit + intercept).
pub(super) fn fit_curve(points: &[(f64, bool)]) -> (f64, f64) {
    let positives = points.iter().filter(|it| it.1).count() as f64;
    let negatives = points.len() as f64 - positives;
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let points: Vec<(f64, f64)> =
        points.iter().map(|&(x, positive)| (x, if positive { high } else { low })).collect();
    let loss = |slope: f64, intercept: f64| -> f64 {
        let of = |&(x, target): &(f64, f64)| {
            let z = slope * x + intercept;
            z.max(0.0) - z * target + (-z.abs()).exp().ln_1p()
        };
        points.iter().map(of).sum()
    };
    let (mut slope, mut intercept) = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
    let mut value = loss(slope, intercept);
    for _ in 0..STEPS_MAX {
        let Some((by_slope, by_intercept)) = newton_direction(&points, slope, intercept) else {
            break;
        };
        let mut step = 1.0;
        let better = loop {
            let moved = (slope + step * by_slope, intercept + step * by_intercept);
            let reached = loss(moved.0, moved.1);
            if reached < value {
                break Some((moved, reached));
            }
            step /= 2.0;
            if step < 1e-10 {
                break None;
            }
        };
        let Some((moved, reached)) = better else { break };
        ((slope, intercept), value) = (moved, reached);
    }
    (slope, intercept)
}

/// The Newton step, unless the gradient has vanished.
fn newton_direction(points: &[(f64, f64)], slope: f64, intercept: f64) -> Option<(f64, f64)> {
    let (mut h11, mut h22, mut h12) = (RIDGE, RIDGE, 0.0);
    let (mut g1, mut g2) = (0.0, 0.0);
    for &(x, target) in points {
        let probability = sigmoid(slope * x + intercept);
        let (error, bend) = (probability - target, probability * (1.0 - probability));
        h11 += bend * x * x;
        h22 += bend;
        h12 += bend * x;
        g1 += error * x;
        g2 += error;
    }
    if g1.abs() < 1e-8 && g2.abs() < 1e-8 {
        return None;
    }
    let determinant = h11 * h22 - h12 * h12;
    Some((-(h22 * g1 - h12 * g2) / determinant, -(h11 * g2 - h12 * g1) / determinant))
}
