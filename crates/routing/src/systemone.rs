//! The arithmetic of typed decisions (`/v1/systemone`): what a probability vector says about a
//! question over some of a task's labels.

/// 1 when one option holds all probability and 0 when all are equal:
/// (K · p_max − 1) / (K − 1). It is *not* the chance of being right. 1 for a single option,
/// 0 for none.
#[must_use]
pub fn confidence(probabilities: &[f64]) -> f64 {
    let options = probabilities.len() as f64;
    let largest = probabilities.iter().copied().fold(0.0, f64::max);
    match probabilities.len() {
        0 => 0.0,
        1 => 1.0,
        _ => ((options * largest - 1.0) / (options - 1.0)).clamp(0.0, 1.0),
    }
}

/// The probabilities over the asked options alone, in the order asked, and the mass they had
/// before (the share of probability that the question left open). `None` when an option is not
/// among the probabilities, is asked twice, or all asked options have no mass.
#[must_use]
pub fn renormalise(probabilities: &[f64], asked: &[u32]) -> Option<(Vec<f64>, f64)> {
    let mut seen = vec![false; probabilities.len()];
    let mut chosen = Vec::with_capacity(asked.len());
    for &option in asked {
        let option = option as usize;
        if std::mem::replace(seen.get_mut(option)?, true) {
            return None;
        }
        chosen.push(probabilities[option]);
    }
    let mass: f64 = chosen.iter().sum();
    if mass > 0.0 {
        chosen.iter_mut().for_each(|it| *it /= mass);
        Some((chosen, mass))
    } else {
        None
    }
}

/// The expected level: Σ index · p, from 0.
#[must_use]
pub fn expected_score(probabilities: &[f64]) -> f64 {
    probabilities.iter().enumerate().map(|(level, p)| level as f64 * p).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(probabilities: &[f64], expected: f64) {
        assert!((confidence(probabilities) - expected).abs() < 1e-12, "{probabilities:?}");
    }

    #[test]
    fn confidence_runs_from_uniform_to_certain() {
        check(&[], 0.0);
        check(&[1.0], 1.0);
        check(&[0.5, 0.5], 0.0);
        check(&[0.8, 0.2], 0.6);
        check(&[0.0, 1.0, 0.0], 1.0);
        check(&[0.25; 4], 0.0);
        check(&[0.55, 0.15, 0.15, 0.15], 0.4);
    }

    #[test]
    fn asked_options_keep_their_order_and_ratios() {
        let (chosen, mass) = renormalise(&[0.1, 0.6, 0.3], &[2, 0]).unwrap();
        assert!((mass - 0.4).abs() < 1e-12);
        assert!((chosen[0] - 0.75).abs() < 1e-12 && (chosen[1] - 0.25).abs() < 1e-12);
        assert_eq!(renormalise(&[0.1, 0.9], &[0, 0]), None);
        assert_eq!(renormalise(&[0.1, 0.9], &[2]), None);
        assert_eq!(renormalise(&[0.0, 1.0], &[0]), None);
        assert_eq!(renormalise(&[0.5, 0.5], &[]), None);
    }

    #[test]
    fn a_score_is_the_expected_level() {
        assert!((expected_score(&[0.2, 0.3, 0.5]) - 1.3).abs() < 1e-12);
        assert_eq!(expected_score(&[]), 0.0);
    }
}
