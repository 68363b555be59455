//! What blocks with norms before their branches need: the sum and the norm apart from each other.
//!
//! The sum goes on as it is, and a branch sees it normalised, so unlike in `layer_norm` both are
//! kept, and the gradient of the norm is added to that of the sum.

use super::dropout::Mask;
use super::layer_norm::{gradient_row, normalise_row};

vectorised! {
    /// `stream += mask · (branch + bias)`, row by row.
    pub fn add_branch(
        stream: &mut [f32], branch: &[f32], bias: &[f32], mask: Mask, first_row: u32,
    ) {
        let n = bias.len();
        let rows = stream.chunks_exact_mut(n).zip(branch.chunks_exact(n));
        for (row, (stream, branch)) in (first_row..).zip(rows) {
            let first = row.wrapping_mul(n as u32);
            for i in 0..n {
                stream[i] += (branch[i] + bias[i]) * mask.factor(first.wrapping_add(i as u32));
            }
        }
    }
}

vectorised! {
    /// `y = γ · norm(x) + β` for each row; `normalised` receives `norm(x)` and `inverse` one
    /// factor (1/σ) for each row, for the backward pass.
    pub fn normalise(
        x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32,
        normalised: &mut [f32], inverse: &mut [f32], y: &mut [f32],
    ) {
        let n = gamma.len();
        let rows = x.chunks_exact(n).zip(normalised.chunks_exact_mut(n)).zip(y.chunks_exact_mut(n)).zip(inverse);
        for (((x, normalised), y), inverse) in rows {
            normalised.copy_from_slice(x);
            *inverse = normalise_row(normalised, gamma, beta, epsilon, y);
        }
    }
}

vectorised! {
    /// Adds the gradient of `x` to `dx`, given that of `y`, which is overwritten.
    ///
    /// `scale` holds two rows, the gradients of γ and β, and is added to.
    pub fn normalise_backward(
        dy: &mut [f32], normalised: &[f32], inverse: &[f32], gamma: &[f32],
        dx: &mut [f32], scale: &mut [f32],
    ) {
        let n = gamma.len();
        let (d_gamma, d_beta) = scale.split_at_mut(n);
        let rows = dy.chunks_exact_mut(n).zip(normalised.chunks_exact(n)).zip(dx.chunks_exact_mut(n)).zip(inverse);
        for (((dy, normalised), dx), inverse) in rows {
            let (mean, along) = gradient_row(dy, normalised, gamma, d_gamma, d_beta);
            for i in 0..n {
                dx[i] += (dy[i] - mean - normalised[i] * along) * *inverse;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::dropout;
    use crate::kernels::tests::{Slope, numbers};

    const WIDTH: usize = 37;
    const ROWS: usize = 3;

    fn mask() -> Mask {
        Mask::new(0.2, 5, 1)
    }

    /// What a block does: the sum goes on, and its norm goes on beside it.
    fn run(x: &[f32], branch: &[f32], scale: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>, Vec<f32>) {
        let (mut stream, mut y) = (x.to_vec(), vec![0.0; x.len()]);
        let (mut normalised, mut inverse) = (vec![0.0; x.len()], vec![0.0; ROWS]);
        add_branch(&mut stream, branch, &[0.1; WIDTH], mask(), 4);
        let (gamma, beta) = scale.split_at(WIDTH);
        normalise(&stream, gamma, beta, 1e-5, &mut normalised, &mut inverse, &mut y);
        (stream, y, normalised, inverse)
    }

    #[test]
    fn gradients_are_slopes() {
        let (x, branch) = (numbers(1, ROWS * WIDTH), numbers(2, ROWS * WIDTH));
        let (scale, weight) = (numbers(3, 2 * WIDTH), numbers(4, 2 * ROWS * WIDTH));
        let loss = |x: &[f32], branch: &[f32], scale: &[f32]| -> f64 {
            let (stream, y, ..) = run(x, branch, scale);
            let both = stream.iter().chain(&y).zip(&weight);
            both.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let (_, _, normalised, inverse) = run(&x, &branch, &scale);
        let (d_stream, d_y) = weight.split_at(ROWS * WIDTH);
        let (mut dx, mut dy, mut d_scale) = (d_stream.to_vec(), d_y.to_vec(), vec![0.0; 2 * WIDTH]);
        let gamma = &scale[..WIDTH];
        normalise_backward(&mut dy, &normalised, &inverse, gamma, &mut dx, &mut d_scale);
        let mut d_branch = vec![0.0; ROWS * WIDTH];
        dropout::apply(mask(), 4 * WIDTH as u32, &dx, &mut d_branch);
        Slope::of(|x| loss(x, &branch, &scale), &x).check(&dx);
        Slope::of(|branch| loss(&x, branch, &scale), &branch).check(&d_branch);
        Slope::of(|scale| loss(&x, &branch, scale), &scale).check(&d_scale);
    }
}
