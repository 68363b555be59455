//! Probabilities that mean what they say: maps from logits to probabilities, fitted on held-out
//! examples, chosen by cross-validation.
//!
//! The simplest method wins unless another lowers the log-loss by more than the comparison's own
//! noise. A method is one file and one line of [`METHODS`].

mod bias_corrected;
mod choice;
mod loss;
mod platt;
mod temperature;

use freehold_vocabulary::{LabelMode, Seed};
use serde::{Deserialize, Serialize};

use crate::{Observation, RoutingError};

pub use choice::{CalibrationReport, CandidateReport};

/// One way to fit a map.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    pub name: &'static str,
    pub mode: LabelMode,
    fit: fn(&[&Observation]) -> Map,
}

/// Every method, for each mode from the simplest.
pub const METHODS: &[Method] =
    &[temperature::SINGLE, bias_corrected::METHOD, temperature::MULTI, platt::METHOD];

/// What happens to logits before softmax or sigmoid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "map", rename_all = "snake_case", deny_unknown_fields)]
pub enum Map {
    /// All are divided by one number.
    Temperature { temperature: f64 },
    /// Each is multiplied by its scale and shifted by its bias.
    Affine { scales: Vec<f64>, biases: Vec<f64> },
}

/// A fitted map with the story of its choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    pub mode: LabelMode,
    pub map: Map,
    pub report: CalibrationReport,
}

/// Fewer examples say too little even for one number.
pub const EXAMPLES_MIN: usize = 20;

impl Calibration {
    /// Fits every method for the mode and keeps the best. Out-of-scope examples are left out:
    /// no probability of a label could be right for them.
    ///
    /// # Errors
    /// When fewer than [`EXAMPLES_MIN`] examples are in scope.
    pub fn fit(
        mode: LabelMode,
        observations: &[Observation],
        seed: Seed,
    ) -> Result<Self, RoutingError> {
        let in_scope: Vec<&Observation> =
            observations.iter().filter(|it| !it.is_out_of_scope(mode)).collect();
        if in_scope.len() < EXAMPLES_MIN {
            let what = "in-scope examples for calibration";
            return Err(RoutingError::TooFew { what, found: in_scope.len(), needed: EXAMPLES_MIN });
        }
        let (map, report) = choice::choose(mode, &in_scope, seed);
        Ok(Self { mode, map, report })
    }

    /// Logits as they are: for models that were never calibrated.
    #[must_use]
    pub fn none(mode: LabelMode) -> Self {
        let report = CalibrationReport {
            chosen: "none".to_owned(),
            n: 0,
            folds: 0,
            log_loss_before: 0.0,
            log_loss_after: 0.0,
            candidates: Vec::new(),
        };
        Self { mode, map: Map::IDENTITY, report }
    }

    /// The probability of each label: they sum to one in single-label tasks, and stand each for
    /// itself in multi-label tasks.
    ///
    /// # Panics
    /// When the number of logits is not the one the map was fitted for.
    #[must_use]
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f64> {
        self.map.probabilities(self.mode, logits)
    }

    /// Whether the map fits that many labels and holds usable numbers.
    pub(crate) fn check(&self, labels: usize) -> Result<(), &'static str> {
        match &self.map {
            Map::Temperature { temperature } if temperature.is_finite() && *temperature > 0.0 => {
                Ok(())
            }
            Map::Temperature { .. } => Err("the temperature is not a positive number"),
            Map::Affine { scales, biases } => {
                let finite = scales.iter().chain(biases).all(|it| it.is_finite());
                if scales.len() != labels || biases.len() != labels {
                    Err("the calibration is for another number of labels")
                } else if !finite {
                    Err("a calibration number is not finite")
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl Map {
    /// Logits as they are.
    const IDENTITY: Self = Self::Temperature { temperature: 1.0 };

    fn apply(&self, logits: &[f32]) -> Vec<f64> {
        match self {
            Self::Temperature { temperature } => {
                logits.iter().map(|&it| f64::from(it) / temperature).collect()
            }
            Self::Affine { scales, biases } => {
                assert_eq!(scales.len(), logits.len(), "one scale for each label");
                let lines = scales.iter().zip(biases);
                logits.iter().zip(lines).map(|(&it, (a, b))| a * f64::from(it) + b).collect()
            }
        }
    }

    fn probabilities(&self, mode: LabelMode, logits: &[f32]) -> Vec<f64> {
        let mapped = self.apply(logits);
        match mode {
            LabelMode::Single => softmax(&mapped),
            LabelMode::Multi => mapped.into_iter().map(sigmoid).collect(),
        }
    }
}

/// exp(z) / Σ exp(z), safe for any finite z.
#[must_use]
pub fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |largest, &it| largest.max(it));
    let powers: Vec<f64> = logits.iter().map(|it| (it - largest).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|it| it / total).collect()
}

/// 1 / (1 + exp(−z)), safe for any finite z.
#[must_use]
pub fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 {
        1.0 / (1.0 + (-logit).exp())
    } else {
        let power = logit.exp();
        power / (1.0 + power)
    }
}

#[cfg(test)]
mod tests;
