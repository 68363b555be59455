//! Probabilities and confidence levels as types.

use serde::{Deserialize, Deserializer, Serialize};

/// A number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Probability(f64);

/// A number is not a probability.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not between 0 and 1")]
pub struct NotAProbability(f64);

impl Probability {
    /// Certainly not.
    pub const ZERO: Self = Self(0.0);
    /// Certainly.
    pub const ONE: Self = Self(1.0);

    /// Checks the range.
    ///
    /// # Errors
    /// When the number is outside 0 to 1 or not a number.
    pub fn new(value: f64) -> Result<Self, NotAProbability> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(NotAProbability(value)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A confidence level strictly between 0 and 1, such as 0.95.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Confidence(f64);

/// A number is not a confidence level.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a confidence level: expected a number strictly between 0 and 1")]
pub struct NotAConfidence(f64);

impl Confidence {
    /// The field's habit.
    pub const P95: Self = Self(0.95);

    /// Checks the range.
    ///
    /// # Errors
    /// When the number is not strictly between 0 and 1.
    pub fn new(value: f64) -> Result<Self, NotAConfidence> {
        if value > 0.0 && value < 1.0 { Ok(Self(value)) } else { Err(NotAConfidence(value)) }
    }

    /// The level.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Confidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
