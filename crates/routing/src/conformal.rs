//! Prediction sets that hold the truth with a promised probability (split conformal prediction;
//! Vovk, Gammerman and Shafer 2005; Angelopoulos and Bates 2023, arXiv 2107.07511).
//!
//! The promise is marginal: over inputs like the calibration examples, not for each input. One
//! label in the set means an answer, several a question back, none an input unlike all labels.
//! It needs examples that fitted nothing else.

use freehold_vocabulary::{LabelMode, Probability};
use serde::{Deserialize, Serialize};

use crate::RoutingError;

/// How unlike the truth a label looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetScore {
    /// One minus the label's probability (Sadinle, Lei and Wasserman 2019): the smallest sets on
    /// average. In multi-label tasks the worst of the true labels counts, so that the set holds
    /// all of them.
    LeastAmbiguous,
    /// The probability of all labels at least as likely (Romano, Sesia and Candès 2020), without
    /// randomisation: sets that grow with the difficulty of the input, and cover a little more
    /// than promised. Single-label tasks only.
    Adaptive,
}

/// For whom the promise holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// For all inputs together.
    Marginal,
    /// For the inputs of each true label. A label with too few examples is in every set.
    ByLabel,
}

/// A fitted predictor of sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    pub mode: LabelMode,
    pub score: SetScore,
    /// The truth is missing from the set with at most this probability.
    pub miss_at_most: f64,
    /// Examples behind the limits.
    pub n: u64,
    /// One limit for all labels, or one for each; none lets the label in always.
    limits: Vec<Option<f64>>,
}

impl Conformal {
    /// Fits on calibrated probabilities with their true labels; out-of-scope examples (no label
    /// in a single-label task) are left out.
    ///
    /// # Errors
    /// When there are too few examples for the promise, or the adaptive score is asked for in a
    /// multi-label task.
    pub fn fit(
        mode: LabelMode,
        examples: &[(Vec<f64>, Vec<u32>)],
        score: SetScore,
        grouping: Grouping,
        miss_at_most: Probability,
    ) -> Result<Self, RoutingError> {
        if mode == LabelMode::Multi
            && (score == SetScore::Adaptive || grouping == Grouping::ByLabel)
        {
            return Err(RoutingError::Request {
                what: "the prediction set",
                found: format!("{score:?}, {grouping:?}"),
                expected: "the least ambiguous, marginal one for a multi-label task",
            });
        }
        let in_scope: Vec<&(Vec<f64>, Vec<u32>)> = examples
            .iter()
            .filter(|(_, gold)| mode == LabelMode::Multi || !gold.is_empty())
            .collect();
        let strangeness = |it: &&(Vec<f64>, Vec<u32>)| truth_score(score, &it.0, &it.1);
        let miss = miss_at_most.get();
        let limits = match grouping {
            Grouping::Marginal => {
                let limit = limit(in_scope.iter().map(strangeness).collect(), miss);
                let what = "in-scope examples for prediction sets";
                let needed = examples_needed(miss);
                vec![Some(limit.ok_or(RoutingError::TooFew {
                    what,
                    found: in_scope.len(),
                    needed,
                })?)]
            }
            Grouping::ByLabel => {
                let labels = in_scope.first().map_or(0, |it| it.0.len()) as u32;
                let of_label = |label| in_scope.iter().filter(move |it| it.1.contains(&label));
                (0..labels).map(|it| limit(of_label(it).map(strangeness).collect(), miss)).collect()
            }
        };
        Ok(Self { mode, score, miss_at_most: miss, n: in_scope.len() as u64, limits })
    }

    /// The set for an input, ascending.
    #[must_use]
    pub fn set(&self, probabilities: &[f64]) -> Vec<u32> {
        let inside = |label: &u32| {
            let limit = match self.limits.as_slice() {
                [one] => *one,
                each => each.get(*label as usize).copied().flatten(),
            };
            limit.is_none_or(|limit| label_score(self.score, probabilities, *label) <= limit)
        };
        (0..probabilities.len() as u32).filter(inside).collect()
    }

    /// Whether the limits fit that many labels and can be compared with.
    pub(crate) fn check(&self, labels: usize) -> Result<(), &'static str> {
        let finite = self.limits.iter().flatten().all(|it| it.is_finite());
        let fits = self.limits.len() == 1 || self.limits.len() == labels;
        if finite && fits { Ok(()) } else { Err("the prediction sets do not fit the labels") }
    }
}

/// The fewest examples that can back a set that misses so rarely; without end for zero.
#[must_use]
pub fn examples_needed(miss_at_most: f64) -> usize {
    // ⌈(n + 1)(1 − α)⌉ ≤ n. The search starts below the closed form, whose rounding may be off.
    let about = (1.0 / miss_at_most).ceil();
    if !about.is_finite() || about > 1e9 {
        return usize::MAX;
    }
    let first = (about as usize).saturating_sub(2).max(1);
    (first..).find(|&n| rank(n, miss_at_most) <= n).unwrap_or(usize::MAX)
}

fn rank(n: usize, miss: f64) -> usize {
    // A grain below, so that 10 · 0.9 is not rounded up to 10 by the last bit.
    ((n + 1) as f64 * (1.0 - miss) - 1e-9).ceil().max(1.0) as usize
}

/// The ⌈(n + 1)(1 − α)⌉-th smallest score; none when there are not so many.
fn limit(mut scores: Vec<f64>, miss: f64) -> Option<f64> {
    scores.sort_by(f64::total_cmp);
    scores.get(rank(scores.len(), miss) - 1).copied()
}

fn truth_score(score: SetScore, probabilities: &[f64], gold: &[u32]) -> f64 {
    gold.iter().map(|&label| label_score(score, probabilities, label)).fold(0.0, f64::max)
}

fn label_score(score: SetScore, probabilities: &[f64], label: u32) -> f64 {
    let own = probabilities[label as usize];
    match score {
        SetScore::LeastAmbiguous => 1.0 - own,
        SetScore::Adaptive => probabilities.iter().filter(|it| **it > own).sum::<f64>() + own,
    }
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::{Random, Seed};

    use super::*;
    use crate::calibration::softmax;

    fn probability(value: f64) -> Probability {
        Probability::new(value).unwrap()
    }

    #[test]
    fn the_rank_is_the_published_one() {
        let scores = |n: u32| (1..=n).map(f64::from).rev().collect::<Vec<_>>();
        assert_eq!(limit(scores(9), 0.1), Some(9.0));
        assert_eq!(limit(scores(19), 0.1), Some(18.0));
        assert_eq!(limit(scores(8), 0.1), None);
        assert_eq!(limit(scores(99), 0.01), Some(99.0));
        assert_eq!(limit(scores(98), 0.01), None);
        assert_eq!(
            (examples_needed(0.1), examples_needed(0.01), examples_needed(0.05)),
            (9, 99, 19)
        );
        assert_eq!(examples_needed(0.0), usize::MAX);
    }

    /// A model that knows its own probabilities.
    fn sample(n: usize, random: &mut Random) -> Vec<(Vec<f64>, Vec<u32>)> {
        let one = |_| {
            let probabilities = softmax(&[0; 8].map(|_| 2.0 * random.normal()));
            let mut left = random.unit();
            let gold = probabilities.iter().position(|p| {
                left -= p;
                left < 0.0
            });
            (probabilities, vec![gold.unwrap_or(7) as u32])
        };
        (0..n).map(one).collect()
    }

    #[track_caller]
    fn check_coverage(score: SetScore, grouping: Grouping, slack: f64) {
        let mut random = Random::new(Seed(11));
        let mut covered = 0.0;
        let mut total = 0.0;
        for _ in 0..40 {
            let calibration = sample(400, &mut random);
            let conformal =
                Conformal::fit(LabelMode::Single, &calibration, score, grouping, probability(0.1))
                    .unwrap();
            for (probabilities, gold) in sample(250, &mut random) {
                covered += f64::from(u8::from(conformal.set(&probabilities).contains(&gold[0])));
                total += 1.0;
            }
        }
        let coverage = covered / total;
        // 10,000 judgements over 40 fits: a standard error of about 0.004.
        assert!(coverage > 0.9 - 0.012 && coverage < 0.9 + slack, "{coverage}");
    }

    #[test]
    fn sets_hold_the_truth_as_often_as_promised() {
        check_coverage(SetScore::LeastAmbiguous, Grouping::Marginal, 0.015);
        check_coverage(SetScore::Adaptive, Grouping::Marginal, 0.06);
        check_coverage(SetScore::LeastAmbiguous, Grouping::ByLabel, 0.04);
    }

    #[test]
    fn too_few_examples_are_refused_with_the_number_needed() {
        let few = sample(8, &mut Random::new(Seed(1)));
        let refused = Conformal::fit(
            LabelMode::Single,
            &few,
            SetScore::LeastAmbiguous,
            Grouping::Marginal,
            probability(0.1),
        );
        assert!(matches!(refused, Err(RoutingError::TooFew { found: 8, needed: 9, .. })));
    }

    #[test]
    fn a_label_without_examples_is_in_every_set() {
        let examples: Vec<_> = (0..30).map(|_| (vec![0.9, 0.1], vec![0])).collect();
        let conformal = Conformal::fit(
            LabelMode::Single,
            &examples,
            SetScore::LeastAmbiguous,
            Grouping::ByLabel,
            probability(0.1),
        )
        .unwrap();
        assert_eq!(conformal.set(&[0.99, 0.01]), [0, 1]);
        assert_eq!(conformal.set(&[0.2, 0.8]), [1]);
    }

    #[test]
    fn a_multi_label_set_holds_all_true_labels() {
        let examples: Vec<_> =
            (0..99).map(|i| (vec![0.9, f64::from(i) / 100.0], vec![0, 1])).collect();
        let fit = |score| {
            Conformal::fit(LabelMode::Multi, &examples, score, Grouping::Marginal, probability(0.1))
        };
        let conformal = fit(SetScore::LeastAmbiguous).unwrap();
        // The 90th of 99 scores 1 − p₁ is 1 − 0.09.
        assert_eq!(conformal.set(&[0.5, 0.091]), [0, 1]);
        assert_eq!(conformal.set(&[0.5, 0.089]), [0]);
        assert!(fit(SetScore::Adaptive).is_err());
    }
}
