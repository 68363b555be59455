//! Residual sum, dropout and layer normalisation in one pass: `y = γ · norm(x + mask·(h + b)) + β`.

use super::dropout::Mask;

/// Sums in sixteen fixed lanes: one order of additions on every machine.
#[inline(always)]
fn sum(values: impl Fn(usize) -> f32, n: usize) -> f32 {
    let mut lanes = [0.0f32; 16];
    let whole = n / 16 * 16;
    for start in (0..whole).step_by(16) {
        for lane in 0..16 {
            lanes[lane] += values(start + lane);
        }
    }
    for i in whole..n {
        lanes[i - whole] += values(i);
    }
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

/// Normalises a row in place, writes it with gain and bias to `y`, and returns 1/σ.
#[inline(always)]
pub(super) fn normalise_row(
    row: &mut [f32],
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
    y: &mut [f32],
) -> f32 {
    let n = gamma.len();
    let mean = sum(|i| row[i], n) / n as f32;
    let variance = sum(|i| (row[i] - mean) * (row[i] - mean), n) / n as f32;
    let inverse = 1.0 / (variance + epsilon).sqrt();
    for i in 0..n {
        row[i] = (row[i] - mean) * inverse;
        y[i] = row[i] * gamma[i] + beta[i];
    }
    inverse
}

/// Adds a row's part of the gradients of γ and β, multiplies `dy` by γ, and returns its mean and
/// its mean along the normalised row: what the gradient of the row loses, before it is scaled.
#[inline(always)]
pub(super) fn gradient_row(
    dy: &mut [f32],
    normalised: &[f32],
    gamma: &[f32],
    d_gamma: &mut [f32],
    d_beta: &mut [f32],
) -> (f32, f32) {
    let n = gamma.len();
    for i in 0..n {
        d_gamma[i] += dy[i] * normalised[i];
        d_beta[i] += dy[i];
        dy[i] *= gamma[i];
    }
    (sum(|i| dy[i], n) / n as f32, sum(|i| dy[i] * normalised[i], n) / n as f32)
}

vectorised! {
    /// Normalises rows in place. `h` holds the branch's output without its bias and receives the
    /// normalised rows; `y` receives the result; `inverse` one factor (1/σ) for each row.
    pub fn forward(
        x: &[f32], h: &mut [f32], bias: &[f32], mask: Mask, first_row: u32,
        gamma: &[f32], beta: &[f32], epsilon: f32, y: &mut [f32], inverse: &mut [f32],
    ) {
        let n = gamma.len();
        let rows = x.chunks_exact(n).zip(h.chunks_exact_mut(n)).zip(y.chunks_exact_mut(n)).zip(inverse);
        for (row, (((x, h), y), inverse)) in (first_row..).zip(rows) {
            let first = row * n as u32;
            for i in 0..n {
                h[i] = x[i] + (h[i] + bias[i]) * mask.factor(first + i as u32);
            }
            *inverse = normalise_row(h, gamma, beta, epsilon, y);
        }
    }
}

vectorised! {
    /// Gradient through the norm: `dy` becomes the gradient of the residual `x`; `normalised`
    /// (left by the forward pass) becomes that of the branch `h`.
    ///
    /// `scale` holds two rows, the gradients of γ and β, and is added to.
    pub fn backward(
        dy: &mut [f32], normalised: &mut [f32], inverse: &[f32], gamma: &[f32],
        mask: Mask, first_row: u32, scale: &mut [f32],
    ) {
        let n = gamma.len();
        let (d_gamma, d_beta) = scale.split_at_mut(n);
        let rows = dy.chunks_exact_mut(n).zip(normalised.chunks_exact_mut(n)).zip(inverse);
        for (row, ((dy, normalised), inverse)) in (first_row..).zip(rows) {
            let first = row * n as u32;
            let (mean, along) = gradient_row(dy, normalised, gamma, d_gamma, d_beta);
            for i in 0..n {
                dy[i] = (dy[i] - mean - normalised[i] * along) * *inverse;
                normalised[i] = dy[i] * mask.factor(first + i as u32);
            }
        }
    }
}

vectorised! {
    /// Adds `bias` to every row of `out`.
    pub fn add_to_rows(bias: &[f32], out: &mut [f32]) {
        for row in out.chunks_exact_mut(bias.len()) {
            for (out, bias) in row.iter_mut().zip(bias) {
                *out += *bias;
            }
        }
    }
}

vectorised! {
    /// Adds every row of `x` to `out`: the gradient of a bias.
    pub fn add_column_sums(x: &[f32], out: &mut [f32]) {
        for row in x.chunks_exact(out.len()) {
            for (out, x) in out.iter_mut().zip(row) {
                *out += *x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{Slope, numbers};

    const WIDTH: usize = 37;
    const ROWS: usize = 3;

    fn loss(x: &[f32], h: &[f32], scale: &[f32], weight: &[f32]) -> f64 {
        let (mut h, mut y, mut inverse) = (h.to_vec(), vec![0.0; x.len()], vec![0.0; ROWS]);
        let (gamma, beta) = scale.split_at(WIDTH);
        let mask = Mask::new(0.2, 5, 1);
        forward(x, &mut h, &[0.1; WIDTH], mask, 4, gamma, beta, 1e-5, &mut y, &mut inverse);
        y.iter().zip(weight).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum()
    }

    #[test]
    fn gradients_are_slopes() {
        let (x, h) = (numbers(1, ROWS * WIDTH), numbers(2, ROWS * WIDTH));
        let (scale, weight) = (numbers(3, 2 * WIDTH), numbers(4, ROWS * WIDTH));
        let mask = Mask::new(0.2, 5, 1);
        let (mut normalised, mut y, mut inverse) = (h.clone(), vec![0.0; x.len()], vec![0.0; ROWS]);
        let (gamma, beta) = scale.split_at(WIDTH);
        forward(
            &x,
            &mut normalised,
            &[0.1; WIDTH],
            mask,
            4,
            gamma,
            beta,
            1e-5,
            &mut y,
            &mut inverse,
        );
        let (mut dy, mut d_scale) = (weight.clone(), vec![0.0; 2 * WIDTH]);
        backward(&mut dy, &mut normalised, &inverse, gamma, mask, 4, &mut d_scale);
        Slope::of(|x| loss(x, &h, &scale, &weight), &x).check(&dy);
        Slope::of(|h| loss(&x, h, &scale, &weight), &h).check(&normalised);
        Slope::of(|scale| loss(&x, &h, scale, &weight), &scale).check(&d_scale);
    }
}
