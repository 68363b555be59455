//! Reliability: what share is right among answers of the same stated confidence.

use freehold_vocabulary::{Confidence, Interval, LabelMode};
use serde::{Deserialize, Serialize};

use crate::Predictions;
use crate::intervals::wilson;

/// Bins of equal width in diagrams and in the calibration error.
pub const BINS: usize = 15;

/// A statement with a probability, and whether it was right. Single-label: the answer.
/// Multi-label: each label with its probability of applying.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    pub confidence: f64,
    pub right: bool,
}

/// A bar of the reliability diagram: `low <= confidence < high`, the last one closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    pub low: f64,
    pub high: f64,
    pub n: u64,
    /// Mean of the stated confidences.
    pub confidence: f64,
    /// Share that is right.
    pub right: Interval,
}

/// The decisions of every item.
#[must_use]
pub fn decisions(predictions: &Predictions) -> Vec<Vec<Decision>> {
    let pairs = predictions.items().iter().zip(predictions.answers());
    let of_item = |(item, answer): (&crate::Prediction, &crate::predictions::Answer)| {
        let of_label = |(label, p): (u32, &f64)| Decision {
            confidence: *p,
            right: item.gold.contains(&label),
        };
        match predictions.mode() {
            LabelMode::Single => {
                vec![Decision { confidence: answer.confidence, right: answer.correct }]
            }
            LabelMode::Multi => (0u32..).zip(&item.probabilities).map(of_label).collect(),
        }
    };
    pairs.map(of_item).collect()
}

/// The non-empty bins over all in-scope items.
#[must_use]
pub fn diagram(predictions: &Predictions, level: Confidence) -> Vec<Bin> {
    let mut sums = vec![(0u64, 0u64, 0.0); BINS];
    for (item, decisions) in (0u32..).zip(decisions(predictions)) {
        if predictions.is_out_of_scope(item) {
            continue;
        }
        for Decision { confidence, right } in decisions {
            let (n, hits, total) = &mut sums[equal_width_bin(confidence, BINS)];
            *n += 1;
            *hits += u64::from(right);
            *total += confidence;
        }
    }
    let bin = |(place, (n, hits, total)): (usize, (u64, u64, f64))| Bin {
        low: place as f64 / BINS as f64,
        high: (place + 1) as f64 / BINS as f64,
        n,
        confidence: total / n as f64,
        right: wilson(hits, n, level),
    };
    sums.into_iter().enumerate().filter(|(_, (n, ..))| *n > 0).map(bin).collect()
}

/// The bin `[k/bins, (k+1)/bins)` of a confidence; 1 belongs to the last.
pub(crate) fn equal_width_bin(confidence: f64, bins: usize) -> usize {
    ((confidence * bins as f64) as usize).min(bins - 1)
}
