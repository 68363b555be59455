//! Examples and the splits they belong to.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Label};

/// What an example is used for. No example is ever in two splits, nor are near-duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Fits the weights.
    Train,
    /// Chooses recipes and stopping points.
    Validation,
    /// Fits calibration and certificates.
    Calibration,
    /// Judged once, never tuned on.
    Test,
}

impl Split {
    /// Every split, in the order in which they are written.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Calibration, Self::Test];

    /// The word used in files, configuration and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Calibration => "calibration",
            Self::Test => "test",
        }
    }

    /// Reads the word; the usual abbreviations of published data sets are understood.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "validation" | "valid" | "val" | "dev" => Some(Self::Validation),
            "calibration" | "cal" => Some(Self::Calibration),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One input with its reference output and its provenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Digest of text and labels: the same row imported twice is the same example.
    pub id: Digest,
    pub text: String,
    /// One label for single-label tasks, any number for multi-label tasks. Empty means that no
    /// known label applies (out of scope) for single-label tasks.
    pub labels: Vec<Label>,
    pub split: Split,
    /// Other columns kept for slicing an evaluation.
    pub slices: BTreeMap<String, String>,
    /// Where the row came from: file name and line, or trace id for settled reviews.
    pub source: String,
}

impl Example {
    /// The id that `text` with `labels` has.
    #[must_use]
    pub fn id_of(text: &str, labels: &[Label]) -> Digest {
        let mut builder = crate::DigestBuilder::default();
        builder.update(text);
        for label in labels {
            builder.update([0]);
            builder.update(label.as_str());
        }
        builder.finish()
    }
}

/// A text with the indices of its labels in a [`crate::LabelSet`]: what trainers take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledText {
    pub text: String,
    pub labels: Vec<u32>,
}
