//! What a trace says of an answer that a model generated.
//!
//! Fields that a later release adds are left out when they are empty, so that records read the
//! same before and after.

use serde::{Deserialize, Serialize};

use crate::chat::{Usage, UsageBasis};
use crate::price::Cost;
use crate::{DataClass, EngineName};

/// The way of one generated answer, from the rule that let the request out to what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// The model that answered, by its name in the portfolio.
    pub model: String,
    pub engine: EngineName,
    /// The model as the engine names it.
    pub upstream: String,
    pub data_class: DataClass,
    /// The rule under which the request went to the engine.
    pub rule: String,
    pub ending: Ending,
    /// Why the model stopped, in the words of [`crate::chat::StopReason`]; none if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    pub usage: Usage,
    pub basis: UsageBasis,
    /// Of all tries together, failed ones and those of other models included, as far as they are
    /// paid in the same currency. None when the portfolio states that a price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// From the request's arrival to the first content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_us: Option<u64>,
    /// Every try at every engine that was asked, in order; the last one answered, or failed last.
    pub tries: Vec<Try>,
    /// The cache that gave the answer, so that no engine was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheKind>,
    /// What an engine would have asked for the answer of the cache, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<Cost>,
    /// The request as JSON, where content is kept; images are named by digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The choices as JSON, where content is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// How a cache knew the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheKind {
    /// The same was asked before.
    Exact,
    /// Something was asked before that means the same, as far as a certified threshold goes.
    Semantic,
}

impl CacheKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Exact, Self::Semantic];

    /// The word used in records, metrics and headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Semantic => "semantic",
        }
    }
}

/// How a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The model was done.
    Complete,
    /// The caller went away.
    Cancelled,
    /// The engine failed, perhaps in the middle.
    Failed,
}

impl Ending {
    /// Every ending.
    pub const ALL: [Self; 3] = [Self::Complete, Self::Cancelled, Self::Failed];

    /// The word used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// One try at an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    pub model: String,
    pub engine: EngineName,
    /// Why it gave no answer, or no whole one; none if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// None where the engine refused, or was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// What a try took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub usage: Usage,
    pub basis: UsageBasis,
    /// None when the portfolio states that the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}
