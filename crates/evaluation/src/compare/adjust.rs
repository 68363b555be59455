//! Adjustment of p-values when many questions are asked of the same data.

/// Holm's step-down adjustment (1979): bounds the chance of any false alarm. Same order as given.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, position) in ascending(p_values).into_iter().enumerate() {
        let left = (p_values.len() - rank) as f64;
        largest = largest.max((p_values[position] * left).min(1.0));
        adjusted[position] = largest;
    }
    adjusted
}

/// Benjamini and Hochberg's adjustment (1995): bounds the expected share of false alarms among
/// the alarms. Same order as given.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p_values.len()];
    let mut smallest: f64 = 1.0;
    for (rank, position) in ascending(p_values).into_iter().enumerate().rev() {
        let scale = p_values.len() as f64 / (rank + 1) as f64;
        smallest = smallest.min(p_values[position] * scale);
        adjusted[position] = smallest;
    }
    adjusted
}

fn ascending(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(adjusted: &[f64], expected: &[f64]) {
        assert_eq!(adjusted.len(), expected.len());
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(adjusted.iter().zip(expected).all(close), "{adjusted:?} against {expected:?}");
    }

    #[test]
    fn the_published_values() {
        check(&holm(&[0.01, 0.02, 0.03, 0.04, 0.05]), &[0.05, 0.08, 0.09, 0.09, 0.09]);
        check(&benjamini_hochberg(&[0.01, 0.02, 0.03, 0.04, 0.05]), &[0.05; 5]);
    }

    #[test]
    fn the_order_given_is_kept_and_nothing_exceeds_one() {
        check(&holm(&[0.5, 0.01, 0.9]), &[1.0, 0.03, 1.0]);
        check(&benjamini_hochberg(&[0.5, 0.01, 0.9]), &[0.75, 0.03, 0.9]);
        check(&holm(&[]), &[]);
    }
}
