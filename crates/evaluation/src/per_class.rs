//! Precision, recall and F1 of every label, with intervals.

use freehold_vocabulary::{Interval, Label};
use serde::{Deserialize, Serialize};

use crate::Predictions;
use crate::intervals::{Design, Resampling, bootstrap_many, wilson};
use crate::metrics::clusters;

/// How well one label is told from the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    pub label: Label,
    /// Items for which the label is right.
    pub gold: u64,
    /// Items for which it was predicted.
    pub predicted: u64,
    /// Share of the predicted that is right; `n` is `predicted`.
    pub precision: Interval,
    /// Share of the right ones that is predicted; `n` is `gold`.
    pub recall: Interval,
    /// `None` when the label neither occurs nor is predicted.
    pub f1: Option<Interval>,
}

/// Counts per label over some items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Items for which the label is gold and predicted.
    pub right: Vec<u32>,
    pub gold: Vec<u32>,
    pub predicted: Vec<u32>,
}

impl Tally {
    /// Counts nothing yet.
    #[must_use]
    pub fn new(labels: usize) -> Self {
        Self { right: vec![0; labels], gold: vec![0; labels], predicted: vec![0; labels] }
    }

    /// Counts those items.
    #[must_use]
    pub fn of(predictions: &Predictions, items: &[u32]) -> Self {
        let mut tally = Self::new(predictions.labels().len());
        for item in items {
            let item = *item as usize;
            tally.add(&predictions.items()[item].gold, &predictions.answers()[item].predicted);
        }
        tally
    }

    /// Counts one item.
    ///
    /// # Panics
    /// When a label is not below the number of labels.
    pub fn add(&mut self, gold: &[u32], predicted: &[u32]) {
        for label in gold {
            self.gold[*label as usize] += 1;
            self.right[*label as usize] += u32::from(predicted.contains(label));
        }
        for label in predicted {
            self.predicted[*label as usize] += 1;
        }
    }

    /// The F1 of one label, `None` when it neither occurs nor is predicted.
    #[must_use]
    pub fn f1(&self, label: usize) -> Option<f64> {
        let total = self.gold[label] + self.predicted[label];
        (total > 0).then(|| f64::from(2 * self.right[label]) / f64::from(total))
    }

    /// The mean F1 of the labels that occur or are predicted; NaN when none is.
    #[must_use]
    pub fn macro_f1(&self) -> f64 {
        let known: Vec<f64> = (0..self.gold.len()).filter_map(|label| self.f1(label)).collect();
        known.iter().sum::<f64>() / known.len() as f64
    }

    /// The F1 of all decisions together; NaN when there is no label at all.
    #[must_use]
    pub fn micro_f1(&self) -> f64 {
        let sum = |counts: &[u32]| counts.iter().map(|count| f64::from(*count)).sum::<f64>();
        2.0 * sum(&self.right) / (sum(&self.gold) + sum(&self.predicted))
    }

    /// The mean F1 weighted by how often the label is gold; NaN when no label is.
    #[must_use]
    pub fn weighted_f1(&self) -> f64 {
        let total: f64 = self.gold.iter().map(|count| f64::from(*count)).sum();
        let weighted = |label: usize| f64::from(self.gold[label]) * self.f1(label).unwrap_or(0.0);
        (0..self.gold.len()).map(weighted).sum::<f64>() / total
    }
}

/// The scores of every label over all in-scope items, in the order of the label set. With
/// `cluster_by` the F1 is resampled by whole values of that slice column.
#[must_use]
pub fn per_class(
    predictions: &Predictions,
    resampling: &Resampling,
    cluster_by: Option<&str>,
) -> Vec<ClassScores> {
    let inside = |item: &u32| !predictions.is_out_of_scope(*item);
    let counted: Vec<u32> = (0..predictions.items().len() as u32).filter(inside).collect();
    let labels = predictions.labels().as_slice();
    let design = match cluster_by {
        Some(column) => Design::clustered(&clusters(predictions, &counted, column)),
        None => Design::items(counted.len() as u32),
    };
    let f1 = bootstrap_many(&design, &resampling.derive("f1"), labels.len(), |drawn, out| {
        let drawn: Vec<u32> = drawn.iter().map(|place| counted[*place as usize]).collect();
        let tally = Tally::of(predictions, &drawn);
        for (label, out) in out.iter_mut().enumerate() {
            *out = tally.f1(label).unwrap_or(f64::NAN);
        }
    });
    let tally = Tally::of(predictions, &counted);
    let scores = |(place, f1): (usize, Option<Interval>)| {
        let [right, gold, predicted] =
            [&tally.right, &tally.gold, &tally.predicted].map(|counts| u64::from(counts[place]));
        let precision = wilson(right, predicted, resampling.confidence);
        let recall = wilson(right, gold, resampling.confidence);
        ClassScores { label: labels[place].clone(), gold, predicted, precision, recall, f1 }
    };
    f1.into_iter().enumerate().map(scores).collect()
}
