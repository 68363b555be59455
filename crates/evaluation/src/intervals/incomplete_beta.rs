//! The regularised incomplete beta function and its inverse.
//!
//! Our own, because the library's continued fraction stops after 140 terms, which is silently
//! wrong beyond some ten thousand observations. Continued fraction of DiDonato and Morris's kind,
//! evaluated by the modified Lentz method (Press et al., "Numerical Recipes", 6.4).

use statrs::function::gamma::ln_gamma;

/// I_x(a, b) for positive `a`, `b` and `x` from 0 to 1: the chance that a Beta(a, b) variable is
/// at most `x`. Relative error about 1e-13 up to a + b = 1e4, growing to 1e-8 at 1e7.
///
/// # Panics
/// When an argument is outside those ranges.
#[must_use]
pub fn regularized_beta(a: f64, b: f64, x: f64) -> f64 {
    assert!(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x), "I_{x}({a}, {b}) is not defined");
    if x == 0.0 || x == 1.0 {
        return x;
    }
    // The fraction converges fast on this side of the mean only.
    if x <= (a + 1.0) / (a + b + 2.0) {
        front(a, b, x) * continued_fraction(a, b, x) / a
    } else {
        1.0 - front(a, b, x) * continued_fraction(b, a, 1.0 - x) / b
    }
}

/// The `x` for which I_x(a, b) is `probability`.
///
/// Newton steps kept inside a shrinking bracket, so that it always converges.
pub(super) fn inverse_regularized_beta(a: f64, b: f64, probability: f64) -> f64 {
    debug_assert!((0.0..=1.0).contains(&probability));
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let mut x = a / (a + b);
    for _ in 0..200 {
        let excess = regularized_beta(a, b, x) - probability;
        if excess > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let density = front(a, b, x) / (x * (1.0 - x));
        let newton = x - excess / density;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        if (next - x).abs() <= 1e-15 * x || high - low <= f64::EPSILON * high {
            return next;
        }
        x = next;
    }
    x
}

/// x^a (1-x)^b / B(a, b).
fn front(a: f64, b: f64, x: f64) -> f64 {
    let ln_inverse_beta = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    (ln_inverse_beta + a * x.ln() + b * (-x).ln_1p()).exp()
}

fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    // The number of terms needed grows with the square root of the larger parameter.
    let terms_max = 200 + 20 * a.max(b).sqrt() as u64;
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for term in 1..=terms_max {
        let m = term as f64;
        let even = m * (b - m) * x / ((a - 1.0 + 2.0 * m) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 1.0 + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        fraction *= d * c;
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        let change = d * c;
        fraction *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}
