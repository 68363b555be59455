//! A model in this process that turns texts into logits.

use std::fmt;

use crate::{LabelMode, LabelSet};

/// What a model says about one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// One logit per label, in the order of the label set. Finite.
    pub logits: Vec<f32>,
    /// The representation before the head, for out-of-distribution scores; empty if the model
    /// has none.
    pub embedding: Vec<f32>,
    /// Tokens read.
    pub tokens: u32,
}

/// A loaded model. Deterministic: the same texts give the same bits, whatever the batch they
/// travel in.
pub trait Classifier: Send + Sync + fmt::Debug {
    fn labels(&self) -> &LabelSet;
    fn mode(&self) -> LabelMode;
    /// One answer per text, in order. Any slice length, also none.
    fn classify(&self, texts: &[&str]) -> Result<Vec<Scored>, ClassifyError>;
}

/// Why a model gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClassifyError {
    /// The caller can mend the text.
    #[error("text {position} cannot be tokenised: {reason}")]
    Text { position: usize, reason: String },
    /// The model is at fault.
    #[error("the model gave a logit that is not a finite number for text {position}")]
    NotFinite { position: usize },
}
