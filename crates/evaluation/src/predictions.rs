//! What a model said about labelled items, checked once so that every metric can trust it.

use std::collections::{BTreeMap, HashSet};

use freehold_vocabulary::{Digest, LabelMode, LabelSet, Probability};

use serde::{Deserialize, Serialize};

use crate::EvaluationError;

/// One item with its truth and the model's probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The id of the example: what pairs the same item in two evaluations. Real traffic repeats
    /// itself, so an id may occur again; the occurrences are then paired in order.
    pub id: Digest,
    /// Positions in the label set. Single-label: one, or none when the item is out of scope.
    pub gold: Vec<u32>,
    /// One per label, calibrated if the model is. They sum to one for single-label tasks.
    pub probabilities: Vec<f64>,
    /// Larger is stranger; without it, 1 − the largest probability is used. All items or none.
    pub ood_score: Option<f64>,
    /// Columns by which the numbers are broken down.
    pub slices: BTreeMap<String, String>,
    pub latency_us: Option<u64>,
}

/// What the probabilities of one item come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Single-label: the likeliest label, the first of equals. Multi-label: all at or above the
    /// threshold, ascending.
    pub predicted: Vec<u32>,
    /// Single-label: the largest probability. Multi-label: the probability that every decision
    /// is right if the labels are independent.
    pub confidence: f64,
    /// Whether the predicted labels are exactly the gold ones. Never for out-of-scope items.
    pub correct: bool,
}

/// Where the out-of-scope score came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StrangenessFrom {
    Detector,
    Confidence,
}

/// Checked predictions of one model on one sample. Invariants: at least one item; every
/// probability and score is finite, in range and as many as there are labels.
#[derive(Debug, Clone)]
pub struct Predictions {
    labels: LabelSet,
    mode: LabelMode,
    items: Vec<Prediction>,
    answers: Vec<Answer>,
    threshold: Probability,
}

/// More items than this are refused: positions are 32-bit and everything is held in memory.
pub const ITEMS_MAX: usize = 10_000_000;

/// How far the probabilities of one item may sum from one (single precision softmax).
const SUM_TOLERANCE: f64 = 1e-3;

impl Predictions {
    /// Checks; multi-label decisions are taken at a probability of one half.
    ///
    /// # Errors
    /// When there is no item, too many, or one that breaks an invariant.
    pub fn new(
        labels: LabelSet,
        mode: LabelMode,
        items: Vec<Prediction>,
    ) -> Result<Self, EvaluationError> {
        let half = Probability::new(0.5).expect("one half is a probability");
        Self::with_threshold(labels, mode, items, half)
    }

    /// As [`Predictions::new`] with a threshold for multi-label decisions of its own.
    ///
    /// # Errors
    /// As there.
    pub fn with_threshold(
        labels: LabelSet,
        mode: LabelMode,
        items: Vec<Prediction>,
        threshold: Probability,
    ) -> Result<Self, EvaluationError> {
        if labels.is_empty() {
            return Err(EvaluationError::Nothing("the label set is empty".to_owned()));
        }
        if items.is_empty() {
            return Err(EvaluationError::Nothing("no item was handed in".to_owned()));
        }
        if items.len() > ITEMS_MAX {
            let problem = format!("{} items; the limit is {ITEMS_MAX}", items.len());
            return Err(EvaluationError::Request(problem));
        }
        let scored = items[0].ood_score.is_some();
        for (position, item) in items.iter().enumerate() {
            let problem = problem_of(item, &labels, mode).or_else(|| {
                let mixed = item.ood_score.is_some() != scored;
                mixed.then(|| "differs from the first in having an ood_score".to_owned())
            });
            if let Some(problem) = problem {
                let id = item.id.short().to_owned();
                return Err(EvaluationError::Prediction { position, id, problem });
            }
        }
        let answers = items.iter().map(|item| answer_of(item, mode, threshold.get())).collect();
        Ok(Self { labels, mode, items, answers, threshold })
    }

    /// The labels, in the order of the probabilities.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// Whether exactly one label is right.
    #[must_use]
    pub fn mode(&self) -> LabelMode {
        self.mode
    }

    /// The items, in the order given.
    #[must_use]
    pub fn items(&self) -> &[Prediction] {
        &self.items
    }

    /// What each item's probabilities come to, in the same order.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// The probability from which a label counts as predicted; none for single-label tasks.
    #[must_use]
    pub fn threshold(&self) -> Option<Probability> {
        (self.mode == LabelMode::Multi).then_some(self.threshold)
    }

    /// What tells strangers: a detector's score, or the confidence.
    #[must_use]
    pub fn strangeness_from(&self) -> StrangenessFrom {
        match self.items[0].ood_score {
            Some(_) => StrangenessFrom::Detector,
            None => StrangenessFrom::Confidence,
        }
    }

    /// Whether no known label applies to the item. Multi-label items may have none in scope.
    #[must_use]
    pub fn is_out_of_scope(&self, item: u32) -> bool {
        self.mode == LabelMode::Single && self.items[item as usize].gold.is_empty()
    }

    /// How many items are out of scope.
    #[must_use]
    pub fn out_of_scope(&self) -> usize {
        (0..self.items.len() as u32).filter(|item| self.is_out_of_scope(*item)).count()
    }

    /// How strange the item looks: its score, or 1 − confidence.
    #[must_use]
    pub fn strangeness(&self, item: u32) -> f64 {
        let item = item as usize;
        self.items[item].ood_score.unwrap_or(1.0 - self.answers[item].confidence)
    }
}

fn problem_of(item: &Prediction, labels: &LabelSet, mode: LabelMode) -> Option<String> {
    if item.probabilities.len() != labels.len() {
        let given = item.probabilities.len();
        return Some(format!("has {given} probabilities for {} labels", labels.len()));
    }
    if let Some(bad) = item.probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Some(format!("has {bad} for a probability"));
    }
    let sum: f64 = item.probabilities.iter().sum();
    if mode == LabelMode::Single && (sum - 1.0).abs() > SUM_TOLERANCE {
        return Some(format!("has probabilities that sum to {sum}; pass them through softmax"));
    }
    if mode == LabelMode::Single && item.gold.len() > 1 {
        return Some(format!("has {} gold labels in a single-label task", item.gold.len()));
    }
    if let Some(gold) = item.gold.iter().find(|gold| **gold as usize >= labels.len()) {
        return Some(format!("has the gold label {gold} of {} labels", labels.len()));
    }
    let unique: HashSet<&u32> = item.gold.iter().collect();
    if unique.len() != item.gold.len() {
        return Some("has the same gold label twice".to_owned());
    }
    let score = item.ood_score.filter(|score| !score.is_finite());
    score.map(|score| format!("has {score} for an ood_score"))
}

fn answer_of(item: &Prediction, mode: LabelMode, threshold: f64) -> Answer {
    let (predicted, confidence) = match mode {
        LabelMode::Single => {
            let first = (0u32, item.probabilities[0]);
            let later = (0u32..).zip(item.probabilities.iter().copied());
            let best = later.fold(first, |best, next| if next.1 > best.1 { next } else { best });
            (vec![best.0], best.1)
        }
        LabelMode::Multi => {
            let chosen = (0u32..).zip(&item.probabilities).filter(|(_, p)| **p >= threshold);
            let certain = |p: &f64| if *p >= threshold { *p } else { 1.0 - *p };
            (
                chosen.map(|(label, _)| label).collect(),
                item.probabilities.iter().map(certain).product(),
            )
        }
    };
    let mut gold = item.gold.clone();
    gold.sort_unstable();
    Answer { correct: predicted == gold, predicted, confidence }
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::Label;

    use super::*;

    fn item(name: &str, gold: &[u32], probabilities: &[f64]) -> Prediction {
        Prediction {
            id: Digest::of(name),
            gold: gold.to_vec(),
            probabilities: probabilities.to_vec(),
            ood_score: None,
            slices: BTreeMap::new(),
            latency_us: None,
        }
    }

    fn labels() -> LabelSet {
        LabelSet::new(["a", "b"].map(|text| Label::parse(text).unwrap()).to_vec()).unwrap()
    }

    #[track_caller]
    fn check_refused(mode: LabelMode, items: Vec<Prediction>, sentence: &str) {
        let error = Predictions::new(labels(), mode, items).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error:?} lacks {sentence:?}");
    }

    #[test]
    fn bad_input_is_refused_with_the_reason() {
        use LabelMode::{Multi, Single};
        let good = item("1", &[0], &[0.5, 0.5]);
        check_refused(Single, vec![], "nothing to evaluate");
        check_refused(Single, vec![item("1", &[0], &[1.0])], "1 probabilities for 2 labels");
        check_refused(Single, vec![item("1", &[0], &[f64::NAN, 1.0])], "NaN for a probability");
        check_refused(Single, vec![item("1", &[0], &[1.5, -0.5])], "1.5 for a probability");
        check_refused(Single, vec![item("1", &[0], &[0.5, 0.6])], "through softmax");
        check_refused(Single, vec![item("1", &[0, 1], &[0.5, 0.5])], "2 gold labels");
        check_refused(Multi, vec![item("1", &[2], &[0.5, 0.5])], "gold label 2 of 2");
        check_refused(Multi, vec![item("1", &[1, 1], &[0.5, 0.5])], "same gold label twice");
        let scored = |score| Prediction { ood_score: score, ..item("2", &[0], &[0.5, 0.5]) };
        check_refused(Single, vec![scored(Some(f64::INFINITY))], "inf for an ood_score");
        check_refused(Single, vec![good, scored(Some(1.0))], "differs from the first");
    }

    #[test]
    fn answers_follow_the_mode() {
        let single = Predictions::new(
            labels(),
            LabelMode::Single,
            vec![item("1", &[0], &[0.5, 0.5]), item("2", &[], &[0.1, 0.9])],
        )
        .unwrap();
        assert_eq!(single.answers()[0].predicted, [0], "the first of equals");
        assert!(single.answers()[0].correct && !single.answers()[1].correct);
        assert_eq!((single.out_of_scope(), single.is_out_of_scope(1)), (1, true));

        let multi = Predictions::new(
            labels(),
            LabelMode::Multi,
            vec![item("1", &[1, 0], &[0.8, 0.6]), item("2", &[], &[0.1, 0.4])],
        )
        .unwrap();
        assert_eq!(multi.answers()[0].predicted, [0, 1]);
        assert!((multi.answers()[1].confidence - 0.54).abs() < 1e-12);
        assert!(multi.answers().iter().all(|answer| answer.correct));
        assert_eq!(multi.out_of_scope(), 0);
    }
}
