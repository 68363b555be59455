//! One try at one engine, so that every try is counted and none is paid in silence.

use std::time::Duration;

use super::{Usage, UsageBasis};
use crate::EngineName;

/// A try, successful or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub engine: EngineName,
    /// The model asked for.
    pub model: String,
    pub outcome: AttemptOutcome,
    pub usage: Usage,
    pub basis: UsageBasis,
    pub first_token: Option<Duration>,
    pub duration: Duration,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    Answered,
    /// The caller went away.
    Cancelled,
    /// With the error's sentence.
    Failed(String),
}
