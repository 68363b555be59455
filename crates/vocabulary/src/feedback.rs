//! What the world said about an answer.

use serde::{Deserialize, Serialize};

use crate::{Label, Timestamp, TraceId};

/// One statement about one trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    pub trace: TraceId,
    pub at: Timestamp,
    /// Who said it: a key's name, a user, `local`.
    pub by: String,
    #[serde(flatten)]
    pub kind: FeedbackKind,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum FeedbackKind {
    /// The labels that would have been right.
    Correction { labels: Vec<Label> },
    /// From 0 (useless) to 1 (perfect).
    Rating { rating: f64 },
    /// What happened later, in the organisation's own words.
    Outcome { outcome: String },
}
