//! What the world said about answers, kept as it was said.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::{Feedback, FeedbackKind, TraceId};
use serde::{Deserialize, Serialize};

use crate::error::{REMARK_BYTES_MAX, within};
use crate::review::check_judgement;
use crate::{LedgerError, Limit, Sequence, Written};

/// Longest outcome in bytes.
pub const OUTCOME_BYTES_MAX: usize = 64 * 1024;

/// One statement with its place in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedbackRow {
    pub sequence: Sequence,
    #[serde(flatten)]
    pub feedback: Feedback,
}

/// What was said about traces.
#[async_trait]
pub trait FeedbackRepository: Send + Sync + fmt::Debug {
    /// Adds a statement. When the last statement of the same kind by the same person on the same
    /// trace says the same, nothing changes whatever its instant, so a client may send again what
    /// it does not know to have arrived.
    ///
    /// # Errors
    /// `Invalid` when a text is beyond its limit or a rating is not between 0 and 1.
    async fn add_feedback(&self, feedback: &Feedback) -> Result<Written, LedgerError>;

    /// Everything said about one trace, oldest first.
    async fn feedback_on(&self, trace: &TraceId) -> Result<Vec<FeedbackRow>, LedgerError>;

    /// Everything said behind `since`, oldest first.
    async fn feedback(
        &self,
        since: Sequence,
        limit: Limit,
    ) -> Result<Vec<FeedbackRow>, LedgerError>;
}

/// Refuses a statement that no adapter keeps.
///
/// # Errors
/// When a text is beyond its limit or a rating is not between 0 and 1.
pub fn check(feedback: &Feedback) -> Result<(), LedgerError> {
    within("the name of who gives feedback", feedback.by.len(), REMARK_BYTES_MAX)?;
    match &feedback.kind {
        FeedbackKind::Correction { labels } => check_judgement(labels, &feedback.by),
        FeedbackKind::Rating { rating } if (0.0..=1.0).contains(rating) => Ok(()),
        FeedbackKind::Rating { rating } => {
            let why = format!("{rating} is not between 0 and 1");
            Err(LedgerError::Invalid { what: "a rating", why })
        }
        FeedbackKind::Outcome { outcome } => within("an outcome", outcome.len(), OUTCOME_BYTES_MAX),
    }
}
