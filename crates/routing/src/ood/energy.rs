//! The free energy of the logits: −ln Σ exp z (Liu, Wang, Owens and Li 2020, arXiv 2010.03759), or
//! −Σ ln(1 + exp z) over the labels of a multi-label task (Wang, Liu, Bocchieri and Li 2021, arXiv
//! 2109.14162). Unlike the largest probability it sees how large the logits are.

use std::sync::Arc;

use freehold_vocabulary::LabelMode;
use freehold_vocabulary::ports::Scored;

use super::file::Tensors;
use super::{Detector, Kind};

/// In the table.
pub(super) const KIND: Kind = Kind {
    name: "energy",
    fit: |lesson| Some(Arc::new(Energy(lesson.mode))),
    read: |_, mode| Ok(Arc::new(Energy(mode))),
};

#[derive(Debug)]
struct Energy(LabelMode);

impl Detector for Energy {
    fn score(&self, scored: &Scored) -> f64 {
        let logits = scored.logits.iter().map(|&it| f64::from(it));
        match self.0 {
            LabelMode::Single => {
                let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
                -largest - logits.map(|it| (it - largest).exp()).sum::<f64>().ln()
            }
            LabelMode::Multi => {
                -logits.map(|it| it.max(0.0) + (-it.abs()).exp().ln_1p()).sum::<f64>()
            }
        }
    }

    fn embedding_width(&self) -> Option<usize> {
        None
    }

    fn tensors(&self) -> Tensors {
        Vec::new()
    }
}
