//! The decision of one tier: keep the answer or pass the request on, and why.
//!
//! Pure: the caller asks the engines and goes from tier to tier; a single model is a cascade of
//! one. A policy without a certificate keeps nothing; so does one whose certificate found that
//! nothing could be promised.

mod files;
mod fit;

use freehold_vocabulary::LabelMode;
use freehold_vocabulary::ports::Scored;
use serde::{Deserialize, Serialize};

use crate::decision::decide;
use crate::{Calibration, Certificate, Conformal, Observation, OodGate, RoutingError};

pub use files::{CALIBRATION_FILE, CERTIFICATE_FILE};
pub use fit::{
    CascadeReport, CascadeRequest, FittedCascade, TierInput, TierReport, fit_cascade, rows_of,
};

/// How one tier judges its own answers.
#[derive(Debug, Clone)]
pub struct TierPolicy {
    pub mode: LabelMode,
    /// How many labels the model knows.
    pub labels: usize,
    pub calibration: Calibration,
    pub ood: Option<OodGate>,
    pub conformal: Option<Conformal>,
    pub certificate: Option<Certificate>,
}

/// What a tier says about one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The answer: one label, or any number in multi-label tasks.
    pub labels: Vec<u32>,
    /// Of each label of the task; calibrated if the policy is.
    pub probabilities: Vec<f64>,
    /// The probability that the answer is right as a whole.
    pub confidence: f64,
    /// Larger is stranger; none without a detector.
    pub ood_score: Option<f64>,
    /// Labels among which the truth is with the promised probability; none without the promise.
    pub prediction_set: Option<Vec<u32>>,
    pub verdict: Verdict,
}

/// Keep or pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "snake_case")]
pub enum Verdict {
    Keep,
    Pass(PassReason),
}

/// Why an answer is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassReason {
    /// Nothing is promised about this tier's answers.
    NoCertificate,
    /// The input is unlike what the model was taught.
    OutOfDistribution,
    /// The confidence is below the certified threshold.
    BelowThreshold,
}

impl PassReason {
    /// In a few words, for traces and people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCertificate => "no certificate",
            Self::OutOfDistribution => "out of distribution",
            Self::BelowThreshold => "below certificate",
        }
    }
}

impl TierPolicy {
    /// The policy of a model that was never calibrated: it answers and keeps nothing.
    #[must_use]
    pub fn uncalibrated(mode: LabelMode, labels: usize) -> Self {
        let calibration = Calibration::none(mode);
        Self { mode, labels, calibration, ood: None, conformal: None, certificate: None }
    }

    /// Judges one answer. The same answer gives the same judgement.
    ///
    /// # Panics
    /// When the answer comes from another kind of model; see [`Self::check_fits`].
    #[must_use]
    pub fn judge(&self, scored: &Scored) -> Judgement {
        let probabilities = self.calibration.probabilities(&scored.logits);
        let decision = decide(self.mode, &probabilities);
        let ood_score = self.ood.as_ref().map(|gate| gate.score(scored));
        let strange =
            self.ood.as_ref().zip(ood_score).is_some_and(|(gate, it)| gate.is_strange(it));
        let threshold = self.certificate.as_ref().and_then(Certificate::threshold);
        let verdict = match threshold {
            None => Verdict::Pass(PassReason::NoCertificate),
            Some(_) if strange => Verdict::Pass(PassReason::OutOfDistribution),
            Some(threshold) if decision.confidence >= threshold => Verdict::Keep,
            Some(_) => Verdict::Pass(PassReason::BelowThreshold),
        };
        Judgement {
            labels: decision.labels,
            confidence: decision.confidence,
            ood_score,
            prediction_set: self.conformal.as_ref().map(|it| it.set(&probabilities)),
            probabilities,
            verdict,
        }
    }

    /// Whether the policy can judge answers like this one: ask once when a model is loaded.
    ///
    /// # Errors
    /// When the numbers of logits or the width of the embedding are others.
    pub fn check_fits(&self, scored: &Scored) -> Result<(), RoutingError> {
        let refuse = |what, found: usize, expected| {
            Err(RoutingError::Request { what, found: found.to_string(), expected })
        };
        let width = self.ood.as_ref().and_then(OodGate::embedding_width);
        if scored.logits.len() != self.labels {
            refuse("the number of logits", scored.logits.len(), "the policy's number of labels")
        } else if width.is_some_and(|width| width != scored.embedding.len()) {
            refuse("the width of the embedding", scored.embedding.len(), "the policy's width")
        } else {
            Ok(())
        }
    }

    /// Whether an answer to a labelled example would be right.
    #[must_use]
    pub fn is_right(&self, observation: &Observation) -> bool {
        let probabilities = self.calibration.probabilities(&observation.scored.logits);
        observation.is_answered_by(&decide(self.mode, &probabilities).labels)
    }
}

#[cfg(test)]
mod tests;
