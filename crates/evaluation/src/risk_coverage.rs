//! The risk–coverage curve: the error rate among the answers kept when only the most confident
//! share is kept. It shows what a threshold buys; it promises nothing (certificates do).

use freehold_vocabulary::{Confidence, Interval};
use serde::{Deserialize, Serialize};

use crate::Predictions;
use crate::intervals::wilson;

/// Points of a curve at most.
const POINTS_MAX: usize = 200;

/// What keeping every answer at or above a confidence gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub threshold: f64,
    /// Kept share of all items, those out of scope included.
    pub coverage: f64,
    /// Error rate among the kept, with a pointwise interval.
    pub risk: Interval,
}

/// One answer on the curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranked {
    pub confidence: f64,
    pub correct: bool,
    pub item: u32,
}

/// Every answer, most confident first.
pub(crate) fn by_confidence(predictions: &Predictions) -> Vec<Ranked> {
    let ranked = |(item, answer): (u32, &crate::predictions::Answer)| Ranked {
        confidence: answer.confidence,
        correct: answer.correct,
        item,
    };
    let mut order: Vec<Ranked> = (0u32..).zip(predictions.answers()).map(ranked).collect();
    order.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    order
}

/// The curve from the most confident answers to all of them, thinned to 200 points that are
/// evenly spaced in coverage. A threshold never splits answers of equal confidence.
#[must_use]
pub fn curve(predictions: &Predictions, level: Confidence) -> Vec<Point> {
    let order = by_confidence(predictions);
    let total = order.len();
    let (mut kept, mut errors) = (0usize, 0u64);
    let mut points: Vec<Point> = Vec::new();
    let mut next_step = 0;
    for group in order.chunk_by(|a, b| a.confidence == b.confidence) {
        kept += group.len();
        errors += group.iter().filter(|it| !it.correct).count() as u64;
        let step = kept * POINTS_MAX / total;
        if step >= next_step || kept == total {
            let risk = wilson(errors, kept as u64, level);
            let coverage = kept as f64 / total as f64;
            points.push(Point { threshold: group[0].confidence, coverage, risk });
            next_step = step + 1;
        }
    }
    points
}
