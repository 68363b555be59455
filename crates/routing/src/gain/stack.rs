//! How much each member's word counts: least squares on predictions for rows that the members had
//! not seen.

use serde::{Deserialize, Serialize};

use super::algebra::{Cholesky, Matrix, Side, dot, product};

/// A trace of a penalty, in rows: members that say the same share the weight.
const PENALTY: f64 = 10.0;

/// The weights of the members' words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stack {
    centre: Vec<f64>,
    /// Per unit of each word.
    weights: Vec<f64>,
    constant: f64,
}

impl Stack {
    /// `words` has a row for each target. `None` when a number is not finite.
    pub fn fit(words: &Matrix<f64>, targets: &[f64]) -> Option<Self> {
        let (n, width) = (words.rows() as f64, words.width);
        let constant = targets.iter().sum::<f64>() / n;
        let mut centre = vec![0.0; width];
        for row in 0..words.rows() {
            centre.iter_mut().zip(words.row(row)).for_each(|(sum, it)| *sum += it / n);
        }
        let mut square = vec![0.0; width];
        for row in 0..words.rows() {
            for (place, it) in words.row(row).iter().enumerate() {
                square[place] += (it - centre[place]).powi(2) / n;
            }
        }
        // A word that never changes has no weight.
        let scale: Vec<f64> =
            square.iter().map(|it| if *it > 1e-18 { it.sqrt().recip() } else { 0.0 }).collect();
        let mut scaled = words.clone();
        for (at, it) in scaled.data.iter_mut().enumerate() {
            *it = (*it - centre[at % width]) * scale[at % width];
        }
        let mut gram = product(&scaled, Side::Transposed, &scaled, Side::AsIs);
        for i in 0..width {
            gram.data[i * width + i] += PENALTY;
        }
        let centred: Vec<f64> = targets.iter().map(|it| it - constant).collect();
        let right = product(&scaled, Side::Transposed, &Matrix::new(1, centred), Side::AsIs).data;
        let found = Cholesky::of(gram)?.solve(&right);
        let weights: Vec<f64> = found.iter().zip(&scale).map(|(it, scale)| it * scale).collect();
        let stack = Self { centre, weights, constant };
        stack.is_finite().then_some(stack)
    }

    pub fn combine(&self, words: &[f64]) -> f64 {
        self.constant + dot(&self.weights, words) - dot(&self.weights, &self.centre)
    }

    pub fn width(&self) -> usize {
        self.weights.len()
    }

    pub fn is_finite(&self) -> bool {
        self.centre.len() == self.weights.len()
            && self.constant.is_finite()
            && self.centre.iter().chain(&self.weights).all(|it| it.is_finite())
    }
}
