//! What a model version is made of and where it came from.

use serde::{Deserialize, Serialize};

use crate::{Digest, LabelMode, LabelSet, TaskName, Tier, Timestamp};

/// How a model turns text into logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelFamily {
    /// A linear model over hashed word and character n-grams.
    Micro,
    /// A fine-tuned transformer encoder with a classification head.
    Encoder,
}

impl ModelFamily {
    /// The tier in which such a model answers.
    #[must_use]
    pub const fn tier(self) -> Tier {
        match self {
            Self::Micro => Tier::Micro,
            Self::Encoder => Tier::Small,
        }
    }
}

/// The immutable description of a model version: the config blob of its registry manifest.
///
/// Calibration and certificate are files of the version, since the domain that makes them also
/// reads them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelVersion {
    pub task: TaskName,
    pub family: ModelFamily,
    pub mode: LabelMode,
    pub labels: LabelSet,
    pub created_at: Timestamp,
    pub lineage: Lineage,
}

/// What a version was made from; from here one can walk back to the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The pre-trained weights; none for micro models.
    pub base: Option<Digest>,
    pub dataset: Digest,
    /// The record of the training run.
    pub run: Digest,
    /// The evaluation report that backs the version; none before `evaluate`.
    pub evaluation: Option<Digest>,
    /// The version this one was derived from, such as the uncalibrated one.
    pub parent: Option<Digest>,
}
