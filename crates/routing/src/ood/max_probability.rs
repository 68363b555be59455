//! One minus the largest probability (Hendrycks and Gimpel 2017, arXiv 1610.02136): the baseline
//! of the field. Reads logits alone; in multi-label tasks the likeliest label counts.

use std::sync::Arc;

use freehold_vocabulary::LabelMode;
use freehold_vocabulary::ports::Scored;

use super::file::Tensors;
use super::{Detector, Kind};
use crate::calibration::{sigmoid, softmax};

/// In the table.
pub(super) const KIND: Kind = Kind {
    name: "max_probability",
    fit: |lesson| Some(Arc::new(MaxProbability(lesson.mode))),
    read: |_, mode| Ok(Arc::new(MaxProbability(mode))),
};

#[derive(Debug)]
struct MaxProbability(LabelMode);

impl Detector for MaxProbability {
    fn score(&self, scored: &Scored) -> f64 {
        let logits: Vec<f64> = scored.logits.iter().map(|&it| f64::from(it)).collect();
        let probabilities = match self.0 {
            LabelMode::Single => softmax(&logits),
            LabelMode::Multi => logits.into_iter().map(sigmoid).collect(),
        };
        1.0 - probabilities.into_iter().fold(0.0, f64::max)
    }

    fn embedding_width(&self) -> Option<usize> {
        None
    }

    fn tensors(&self) -> Tensors {
        Vec::new()
    }
}
