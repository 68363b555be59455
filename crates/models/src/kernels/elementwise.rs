//! Functions of one number in straight-line code that a compiler can turn into vectors.
//!
//! The standard library's `exp` and `tanh` branch and are called for one element at a time.

use crate::head::Activation;

/// `e^x` within 2 ulp for `x` in `[-87, 88]`; below that zero, above it saturates.
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    // Cephes: split off a power of two with the rounding trick, then a polynomial.
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer.
    let clamped = x.clamp(-87.0, 88.0);
    let shifted = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, clamped));
    let p = r.mul_add(1.987_569_1e-4, 1.398_199_9e-3);
    let p = r.mul_add(p, 8.333_452e-3);
    let p = r.mul_add(p, 4.166_579_6e-2);
    let p = r.mul_add(p, 1.666_666_5e-1);
    let p = r.mul_add(p, 0.5);
    let y = (p * r).mul_add(r, r + 1.0);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if x < -87.0 { 0.0 } else { y * power }
}

/// The error function within 3e-7, as a rational function of `x` on `[-4, 4]` (the minimax fit
/// that Eigen and XLA use).
#[inline(always)]
#[must_use]
pub fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let p = s.mul_add(-2.726_142_3e-10, 2.770_681_4e-8);
    let p = s.mul_add(p, -2.101_024e-6);
    let p = s.mul_add(p, -5.692_506_6e-5);
    let p = s.mul_add(p, -7.349_906_3e-4);
    let p = s.mul_add(p, -2.954_6e-3);
    let p = s.mul_add(p, -1.609_603_3e-2);
    let q = s.mul_add(-1.456_607_2e-5, -2.133_740_6e-4);
    let q = s.mul_add(q, -1.682_827e-3);
    let q = s.mul_add(q, -7.373_329_2e-3);
    let q = s.mul_add(q, -1.426_473_9e-2);
    (x * p / q).clamp(-1.0, 1.0)
}

/// The hyperbolic tangent within 1e-6.
#[inline(always)]
#[must_use]
pub fn tanh(x: f32) -> f32 {
    let e = exp(2.0 * x.clamp(-20.0, 20.0));
    // Near zero the quotient cancels; the series does not.
    let s = x * x;
    let series = x * s.mul_add(s.mul_add(2.0 / 15.0, -1.0 / 3.0), 1.0);
    if x.abs() < 0.1 { series } else { (e - 1.0) / (e + 1.0) }
}

/// GELU with the error function.
#[inline(always)]
#[must_use]
pub fn gelu(x: f32) -> f32 {
    let half = 0.5 * x;
    half.mul_add(erf(x * std::f32::consts::FRAC_1_SQRT_2), half)
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    let inner = 0.797_884_6 * (x * x * x).mul_add(0.044_715, x);
    let half = 0.5 * x;
    half.mul_add(tanh(inner), half)
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// Applies the function to each element; inlined into the caller's instruction set.
#[inline(always)]
pub fn activate_inline(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::Gelu => values.iter_mut().for_each(|x| *x = gelu(*x)),
        Activation::GeluTanh => values.iter_mut().for_each(|x| *x = gelu_tanh(*x)),
        Activation::Relu => values.iter_mut().for_each(|x| *x = x.max(0.0)),
        Activation::Silu => values.iter_mut().for_each(|x| *x = silu(*x)),
        Activation::Tanh => values.iter_mut().for_each(|x| *x = tanh(*x)),
    }
}

vectorised! {
    /// Applies the function to each element.
    pub fn activate(activation: Activation, values: &mut [f32]) {
        activate_inline(activation, values);
    }

    /// `values *= factors`.
    pub fn multiply(values: &mut [f32], factors: &[f32]) {
        for (value, factor) in values.iter_mut().zip(factors) {
            *value *= *factor;
        }
    }

    /// `values += others`.
    pub fn add(values: &mut [f32], others: &[f32]) {
        for (value, other) in values.iter_mut().zip(others) {
            *value += *other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Series for the error function, good enough on `[-3, 3]`.
    fn erf_exact(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..60 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn the_functions_agree_with_exact_ones() {
        for i in -3000..3000 {
            let x = i as f32 * 1e-3;
            let error = (f64::from(erf(x)) - erf_exact(f64::from(x))).abs();
            assert!(error < 3e-7, "erf({x}) is off by {error}");
            let error = (tanh(x) - x.tanh()).abs();
            assert!(error < 1e-6, "tanh({x}) is off by {error}");
        }
        for i in -8000..8000 {
            let x = i as f32 * 1e-2;
            assert!((exp(x) - x.exp()).abs() <= 3e-7 * x.exp(), "exp({x})");
        }
        assert_eq!((exp(-88.0), exp(f32::NEG_INFINITY)), (0.0, 0.0));
    }

    #[test]
    fn activations_are_those_of_torch() {
        // torch.nn.functional at 1.5 and -0.5.
        let expected = [
            (Activation::Gelu, 1.399_789, -0.154_269),
            (Activation::GeluTanh, 1.399_572, -0.154_286),
            (Activation::Relu, 1.5, 0.0),
            (Activation::Silu, 1.226_362, -0.188_770),
            (Activation::Tanh, 0.905_148, -0.462_117),
        ];
        for isa in crate::kernels::Isa::available() {
            for (activation, at_one_and_half, at_minus_half) in expected {
                let mut values = [1.5, -0.5];
                activate(isa, activation, &mut values);
                let error =
                    (values[0] - at_one_and_half).abs().max((values[1] - at_minus_half).abs());
                assert!(error < 2e-6, "{activation:?} on {isa:?}: {values:?}");
            }
        }
    }
}
