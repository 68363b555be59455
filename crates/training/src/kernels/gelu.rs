//! GELU with the exact (error function) definition.
//!
//! The forward pass leaves the derivative behind, so the backward pass is one product.

use super::scalar::gauss;

vectorised! {
    /// Replaces `x + bias` by its derivative and writes the activation to `out`.
    ///
    /// `bias` repeats for every row; fusing it here saves a pass over the widest activation.
    pub fn forward(x: &mut [f32], bias: &[f32], out: &mut [f32]) {
        for (x, out) in x.chunks_exact_mut(bias.len()).zip(out.chunks_exact_mut(bias.len())) {
            for ((x, bias), out) in x.iter_mut().zip(bias).zip(out) {
                let value = *x + *bias;
                let (below, density) = gauss(value);
                *out = value * below;
                *x = below + value * density;
            }
        }
    }
}

vectorised! {
    /// Turns the stored derivative into the gradient of the input.
    pub fn backward(derivative: &mut [f32], gradient: &[f32]) {
        for (derivative, gradient) in derivative.iter_mut().zip(gradient) {
            *derivative *= *gradient;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivative_is_the_slope() {
        let at = |x: f32| {
            let (mut x, mut out) = ([x - 0.25; 1], [0.0; 1]);
            forward(&mut x, &[0.25], &mut out);
            (out[0], x[0])
        };
        for i in -40..40 {
            let x = i as f32 * 0.1;
            let slope = (f64::from(at(x + 1e-2).0) - f64::from(at(x - 1e-2).0)) / 2e-2;
            assert!((slope - f64::from(at(x).1)).abs() < 1e-4, "at {x}");
        }
        assert!((at(1.0).0 - 0.841_344_7).abs() < 1e-6);
    }
}
