//! The gated feed-forward of ModernBERT: `gelu(values) · gate` (Shazeer 2020).
//!
//! Values and gates lie side by side in a row. The forward pass leaves both partial derivatives
//! behind, so the backward pass is two products.

use super::scalar::gauss;

vectorised! {
    /// Replaces values and gates (without their `bias`) by the derivatives of the result by
    /// each, and writes the result, half as wide, to `out`.
    pub fn forward(wide: &mut [f32], bias: &[f32], out: &mut [f32]) {
        let half = bias.len() / 2;
        let (value_bias, gate_bias) = bias.split_at(half);
        for (row, out) in wide.chunks_exact_mut(2 * half).zip(out.chunks_exact_mut(half)) {
            let (values, gates) = row.split_at_mut(half);
            for i in 0..half {
                let (value, gate) = (values[i] + value_bias[i], gates[i] + gate_bias[i]);
                let (below, density) = gauss(value);
                let activated = value * below;
                out[i] = activated * gate;
                values[i] = gate * (below + value * density);
                gates[i] = activated;
            }
        }
    }
}

vectorised! {
    /// Turns the stored derivatives into the gradients of values and gates; rows of `gradient`
    /// are `half` wide.
    pub fn backward(derivatives: &mut [f32], gradient: &[f32], half: usize) {
        for (row, gradient) in derivatives.chunks_exact_mut(2 * half).zip(gradient.chunks_exact(half)) {
            let (values, gates) = row.split_at_mut(half);
            for i in 0..half {
                values[i] *= gradient[i];
                gates[i] *= gradient[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{Slope, numbers};

    #[test]
    fn gradients_are_slopes() {
        const HALF: usize = 19;
        let (mut wide, bias, weight) =
            (numbers(1, 6 * HALF), numbers(2, 2 * HALF), numbers(3, 3 * HALF));
        let run = |wide: &[f32]| {
            let (mut wide, mut out) = (wide.to_vec(), vec![0.0; 3 * HALF]);
            forward(&mut wide, &bias, &mut out);
            (out, wide)
        };
        let loss = |wide: &[f32]| {
            run(wide).0.iter().zip(&weight).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let slope = Slope::of(loss, &wide);
        wide = run(&wide).1;
        backward(&mut wide, &weight, HALF);
        slope.check(&wide);
    }
}
