//! From probabilities to an answer and the confidence in it.

use freehold_vocabulary::LabelMode;

/// The answer that probabilities stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// One label in single-label tasks; any number in multi-label tasks, ascending.
    pub labels: Vec<u32>,
    /// How probable it is that the answer is right as a whole.
    pub confidence: f64,
}

/// The most probable label (the first of equals), or every label that is likelier than not. The
/// confidence of a set is the product over all labels, as if they were independent: it orders
/// answers well, and what it is worth is for a certificate to say.
#[must_use]
pub fn decide(mode: LabelMode, probabilities: &[f64]) -> Decision {
    match mode {
        LabelMode::Single => {
            let mut best = (0, 0.0);
            for (label, &probability) in (0u32..).zip(probabilities) {
                if probability > best.1 {
                    best = (label, probability);
                }
            }
            Decision { labels: vec![best.0], confidence: best.1 }
        }
        LabelMode::Multi => {
            let chosen = (0u32..).zip(probabilities).filter(|it| *it.1 >= 0.5);
            Decision {
                labels: chosen.map(|(label, _)| label).collect(),
                confidence: probabilities.iter().map(|&it| it.max(1.0 - it)).product(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mode: LabelMode, probabilities: &[f64], labels: &[u32], confidence: f64) {
        let decision = decide(mode, probabilities);
        assert_eq!(decision.labels, labels);
        assert!((decision.confidence - confidence).abs() < 1e-12, "{}", decision.confidence);
    }

    #[test]
    fn the_likeliest_label_wins_and_the_first_of_equals() {
        check(LabelMode::Single, &[0.2, 0.5, 0.3], &[1], 0.5);
        check(LabelMode::Single, &[0.4, 0.4, 0.2], &[0], 0.4);
        check(LabelMode::Single, &[1.0], &[0], 1.0);
    }

    #[test]
    fn every_likely_label_is_in_the_set() {
        check(LabelMode::Multi, &[0.9, 0.5, 0.2], &[0, 1], 0.9 * 0.5 * 0.8);
        check(LabelMode::Multi, &[0.1, 0.2], &[], 0.9 * 0.8);
    }
}
