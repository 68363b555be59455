//! Multinomial logistic regression on fixed vectors, by L-BFGS (Liu and Nocedal 1989).
//!
//! A convex problem with one answer: a strong baseline in seconds, and a good start for a head.

use std::collections::VecDeque;

use crate::kernels::layer_norm::add_to_rows;
use crate::kernels::matrix::{Matrix, MatrixMut, Store, multiply};

/// Corrections kept by L-BFGS.
const MEMORY: usize = 10;
const ITERATIONS_MAX: usize = 120;

/// Vectors with the class of each.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    pub features: &'a [f32],
    pub width: usize,
    pub classes: &'a [u32],
    pub class_count: usize,
    /// How much each example counts.
    pub weights: &'a [f32],
    /// Of the squared weights, against the mean loss.
    pub penalty: f64,
}

/// `[class, width]` weights, then one bias per class.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Solution {
    /// One row for each vector.
    #[must_use]
    pub fn logits(&self, features: &[f32]) -> Vec<f32> {
        let classes = self.bias.len();
        let width = self.weight.len() / classes;
        let mut logits = vec![0.0; features.len() / width * classes];
        let weight = Matrix::new(&self.weight, width).transposed();
        let features = Matrix::new(features, width);
        multiply(MatrixMut::new(&mut logits, classes), features, weight, 1.0, Store::Replace);
        add_to_rows(&self.bias, &mut logits);
        logits
    }
}

impl Problem<'_> {
    /// The best weights, to the precision of f32.
    #[must_use]
    pub fn solve(&self) -> Solution {
        // Vectors of size about one make one penalty fit every base.
        let squares: f64 = self.features.iter().map(|it| f64::from(*it) * f64::from(*it)).sum();
        let scale = (squares / self.classes.len() as f64).sqrt().max(1e-12) as f32;
        let features: Vec<f32> = self.features.iter().map(|it| it / scale).collect();
        let scaled = Problem { features: &features, ..*self };
        let mut x = scaled.minimise();
        let bias = x.split_off(self.class_count * self.width);
        x.iter_mut().for_each(|it| *it /= scale);
        Solution { weight: x, bias }
    }

    fn minimise(&self) -> Vec<f32> {
        let mut x = vec![0.0f32; self.class_count * (self.width + 1)];
        let mut logits = Vec::new();
        let (mut loss, mut gradient) = self.value(&x, &mut logits);
        let mut history: VecDeque<(Vec<f32>, Vec<f32>, f64)> = VecDeque::new();
        for _ in 0..ITERATIONS_MAX {
            let direction = direction(&gradient, &history);
            let slope = dot(&direction, &gradient);
            if slope > -1e-12 {
                break;
            }
            let mut step =
                if history.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt() } else { 1.0 };
            let improved = (0..30).find_map(|_| {
                let next: Vec<f32> =
                    x.iter().zip(&direction).map(|(x, d)| x + step as f32 * d).collect();
                let (value, slopes) = self.value(&next, &mut logits);
                let enough = value <= loss + 1e-4 * step * slope;
                step *= 0.5;
                enough.then_some((next, value, slopes))
            });
            let Some((next, value, slopes)) = improved else { break };
            let moved: Vec<f32> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
            let turned: Vec<f32> = slopes.iter().zip(&gradient).map(|(a, b)| a - b).collect();
            let curvature = dot(&moved, &turned);
            if curvature > 1e-12 {
                history.push_back((moved, turned, 1.0 / curvature));
            }
            if history.len() > MEMORY {
                history.pop_front();
            }
            let gain = loss - value;
            (x, loss, gradient) = (next, value, slopes);
            if gain < 1e-7 * loss.abs() {
                break;
            }
        }
        x
    }

    /// Loss and gradient at `x`.
    fn value(&self, x: &[f32], logits: &mut Vec<f32>) -> (f64, Vec<f32>) {
        let (n, k, width) = (self.classes.len(), self.class_count, self.width);
        let (weight, bias) = x.split_at(k * width);
        logits.resize(n * k, 0.0);
        let features = Matrix::new(self.features, width);
        multiply(
            MatrixMut::new(logits, k),
            features,
            Matrix::new(weight, width).transposed(),
            1.0,
            Store::Replace,
        );
        add_to_rows(bias, logits);
        let total: f64 = self.weights.iter().map(|it| f64::from(*it)).sum();
        let mut loss = 0.0;
        for ((row, class), share) in logits.chunks_exact_mut(k).zip(self.classes).zip(self.weights)
        {
            let share = share / total as f32;
            let class = *class as usize;
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let own = row[class] - most;
            row.iter_mut().for_each(|it| *it = crate::kernels::scalar::exp(*it - most));
            let sum: f32 = row.iter().sum();
            loss += f64::from(share) * (f64::from(sum).ln() - f64::from(own));
            row.iter_mut().for_each(|it| *it *= share / sum);
            row[class] -= share;
        }
        let mut gradient = vec![0.0; x.len()];
        let (d_weight, d_bias) = gradient.split_at_mut(k * width);
        multiply(
            MatrixMut::new(d_weight, width),
            Matrix::new(logits, k).transposed(),
            features,
            1.0,
            Store::Replace,
        );
        crate::kernels::layer_norm::add_column_sums(logits, d_bias);
        for (gradient, weight) in d_weight.iter_mut().zip(weight) {
            *gradient += (2.0 * self.penalty) as f32 * weight;
        }
        (loss + self.penalty * dot(weight, weight), gradient)
    }
}

/// The two-loop recursion.
fn direction(gradient: &[f32], history: &VecDeque<(Vec<f32>, Vec<f32>, f64)>) -> Vec<f32> {
    let mut out: Vec<f32> = gradient.iter().map(|it| -it).collect();
    let add = |out: &mut [f32], factor: f64, x: &[f32]| {
        out.iter_mut().zip(x).for_each(|(out, x)| *out += factor as f32 * x);
    };
    let mut factors = Vec::new();
    for (moved, turned, inverse) in history.iter().rev() {
        let factor = inverse * dot(moved, &out);
        add(&mut out, -factor, turned);
        factors.push(factor);
    }
    if let Some((_, turned, inverse)) = history.back() {
        let scale = 1.0 / (inverse * dot(turned, turned));
        out.iter_mut().for_each(|it| *it *= scale as f32);
    }
    for ((moved, turned, inverse), factor) in history.iter().zip(factors.into_iter().rev()) {
        let back = inverse * dot(turned, &out);
        add(&mut out, factor - back, moved);
    }
    out
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::numbers;

    fn problem() -> (Vec<f32>, Vec<u32>) {
        let mut features = numbers(1, 90 * 4);
        let classes: Vec<u32> = (0..90).map(|i| i % 3).collect();
        for (row, class) in features.chunks_exact_mut(4).zip(&classes) {
            row[*class as usize] += 1.5;
        }
        (features, classes)
    }

    #[test]
    fn the_solution_is_where_the_gradient_vanishes() {
        let (features, classes) = problem();
        let problem = Problem {
            features: &features,
            width: 4,
            classes: &classes,
            class_count: 3,
            weights: &[1.0; 90],
            penalty: 1e-2,
        };
        let x = problem.minimise();
        let (_, gradient) = problem.value(&x, &mut Vec::new());
        assert!(dot(&gradient, &gradient).sqrt() < 2e-3, "{gradient:?}");
        assert_eq!(x, problem.minimise());
    }

    #[test]
    fn the_gradient_is_the_slope() {
        let (features, classes) = problem();
        let problem = Problem {
            features: &features,
            width: 4,
            classes: &classes,
            class_count: 3,
            weights: &numbers(5, 90).iter().map(|it| it.abs()).collect::<Vec<_>>(),
            penalty: 0.1,
        };
        let x = numbers(2, 15);
        let slope = crate::kernels::tests::Slope::of(|x| problem.value(x, &mut Vec::new()).0, &x);
        slope.check(&problem.value(&x, &mut Vec::new()).1);
    }
}
