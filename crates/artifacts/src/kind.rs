//! What kinds of artifacts there are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::media_type;

/// What an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactKind {
    /// Base, adapter or weights, tokenizer, calibration and certificate of one task.
    ModelVersion,
    /// Pre-trained weights that we did not make.
    Base,
    /// An immutable set of examples.
    Dataset,
    /// Everything that is needed to repeat a run.
    Run,
    /// A report of how good a version is.
    Evaluation,
    /// What decides who answers: a model of gains, or a certificate of a model elsewhere.
    Router,
}

impl ArtifactKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::ModelVersion, Self::Base, Self::Dataset, Self::Run, Self::Evaluation, Self::Router];

    /// The word used in output and in references.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModelVersion => "model-version",
            Self::Base => "base",
            Self::Dataset => "dataset",
            Self::Run => "run",
            Self::Evaluation => "evaluation",
            Self::Router => "router",
        }
    }

    /// The `artifactType` of its manifests.
    #[must_use]
    pub const fn artifact_type(self) -> &'static str {
        match self {
            Self::ModelVersion => media_type::MODEL_MANIFEST,
            Self::Base => "application/vnd.freehold.base.v1",
            Self::Dataset => "application/vnd.freehold.dataset.v1",
            Self::Run => "application/vnd.freehold.run.v1",
            Self::Evaluation => "application/vnd.freehold.evaluation.v1",
            Self::Router => "application/vnd.freehold.router.v1",
        }
    }

    /// The kind of an `artifactType`, if it is one of ours.
    #[must_use]
    pub fn of_artifact_type(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.artifact_type() == text)
    }

    /// The media type of its config blob.
    #[must_use]
    pub const fn config_type(self) -> &'static str {
        match self {
            Self::ModelVersion => media_type::MODEL_CONFIG,
            Self::Base => "application/vnd.freehold.base.config.v1+json",
            Self::Dataset => "application/vnd.freehold.dataset.config.v1+json",
            Self::Run => "application/vnd.freehold.run.config.v1+json",
            Self::Evaluation => "application/vnd.freehold.evaluation.config.v1+json",
            Self::Router => "application/vnd.freehold.router.config.v1+json",
        }
    }
}

impl fmt::Display for ArtifactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
