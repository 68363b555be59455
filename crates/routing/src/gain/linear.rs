//! Two logistic heads, one for each model's chance of being right; their difference is the gain.
//!
//! Two heads on 0/1 outcomes predict the gain better than one regression on their difference, since
//! most pairs agree. Fitted by steps with the fixed bound XᵀX / 4 of the Hessian (Böhning and
//! Lindsay 1988): every step goes down, and one Cholesky factor serves all steps and both heads.

use serde::{Deserialize, Serialize};

use super::algebra::{Cholesky, Matrix, Side, dot, product};

/// Steps at most; the bound makes them short, so there are many.
const STEPS_MAX: usize = 60;
/// The largest change of a weight at which the steps end.
const TOLERANCE: f64 = 1e-3;

/// The weights of one head, the constant last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Head(pub Vec<f64>);

impl Head {
    /// The chance that the model is right.
    pub fn probability(&self, inputs: &[f64]) -> f64 {
        let (constant, weights) = self.0.split_last().expect("a head has a constant");
        sigmoid(constant + dot(weights, inputs))
    }
}

/// Fits a head for each list of outcomes (0 or 1), with a penalty on the squares of all weights but
/// the constant. `None` if the penalty does not make the problem well posed.
pub(super) fn fit<const N: usize>(
    inputs: &Matrix<f64>,
    outcomes: [&[f64]; N],
    penalty: f64,
) -> Option<[Head; N]> {
    let width = inputs.width + 1;
    let mut rows = Vec::with_capacity(inputs.rows() * width);
    for row in 0..inputs.rows() {
        rows.extend_from_slice(inputs.row(row));
        rows.push(1.0);
    }
    let rows = Matrix::new(width, rows);
    let mut bound = product(&rows, Side::Transposed, &rows, Side::AsIs);
    bound.data.iter_mut().for_each(|it| *it /= 4.0);
    for i in 0..width {
        // A trace of a penalty keeps the constant finite when all outcomes agree.
        bound.data[i * width + i] += if i + 1 < width { penalty } else { CONSTANT_PENALTY };
    }
    let bound = Cholesky::of(bound)?;
    let weights = steps(&rows, outcomes, penalty, &bound);
    Some(std::array::from_fn(|head| {
        Head(weights.data.iter().skip(head).step_by(N).copied().collect())
    }))
}

/// The penalty on the constant.
const CONSTANT_PENALTY: f64 = 1e-3;

/// One column of weights for each head: the rows are read once for all of them.
fn steps<const N: usize>(
    rows: &Matrix<f64>,
    outcomes: [&[f64]; N],
    penalty: f64,
    bound: &Cholesky,
) -> Matrix<f64> {
    let width = rows.width;
    let mut weights = Matrix::new(N, vec![0.0; width * N]);
    for _ in 0..STEPS_MAX {
        let mut rest = product(rows, Side::AsIs, &weights, Side::AsIs);
        for (at, it) in rest.data.iter_mut().enumerate() {
            *it = outcomes[at % N][at / N] - sigmoid(*it);
        }
        let slopes = product(rows, Side::Transposed, &rest, Side::AsIs);
        let mut largest = 0.0f64;
        for head in 0..N {
            let slope: Vec<f64> = (0..width)
                .map(|i| {
                    let penalty = if i + 1 < width { penalty } else { CONSTANT_PENALTY };
                    slopes.data[i * N + head] - penalty * weights.data[i * N + head]
                })
                .collect();
            for (i, step) in bound.solve(&slope).into_iter().enumerate() {
                weights.data[i * N + head] += step;
                largest = largest.max(step.abs());
            }
        }
        if largest <= TOLERANCE {
            break;
        }
    }
    weights
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
