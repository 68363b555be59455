//! The review queue: what no tier would answer waits for a person, and what a person said waits
//! for the next dataset version.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::{Label, Probability, TaskName, Timestamp, TraceId};
use serde::{Deserialize, Serialize};

use crate::error::{REMARK_BYTES_MAX, within};
use crate::{LedgerError, Limit, Sequence, Written};

/// Longest text that waits for review, in bytes.
pub const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most labels of one item.
pub const LABELS_MAX: usize = 4096;

/// One answer that needs, or has had, a person's judgement. There is at most one per trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewItem {
    pub trace: TraceId,
    pub task: TaskName,
    pub text: String,
    /// What the models would have said.
    pub suggested: Vec<Label>,
    pub confidence: Probability,
    /// Why it is here, in a few words.
    pub reason: String,
    pub at: Timestamp,
    #[serde(flatten)]
    pub status: ReviewStatus,
}

/// Whether a person has judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", content = "settlement", rename_all = "lowercase")]
pub enum ReviewStatus {
    Pending,
    Settled(Settlement),
}

/// A person's judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The order in which judgements came; a changed judgement gets a new one, so that whoever
    /// reads from where they stopped sees it.
    pub sequence: Sequence,
    /// The right labels; empty says that no known label applies.
    pub labels: Vec<Label>,
    pub by: String,
    pub at: Timestamp,
}

/// What waits for people, and what people said.
#[async_trait]
pub trait ReviewRepository: Send + Sync + fmt::Debug {
    /// Puts pending items into the queue, all or none; says of each whether it is new. A trace
    /// that is there already, pending or settled, stays as it is.
    ///
    /// # Errors
    /// `Invalid` when an item is not pending or beyond a limit.
    async fn enqueue_reviews(&self, items: &[ReviewItem]) -> Result<Vec<Written>, LedgerError>;

    /// [`ReviewRepository::enqueue_reviews`] for one item.
    ///
    /// # Errors
    /// As there.
    async fn enqueue_review(&self, item: &ReviewItem) -> Result<Written, LedgerError> {
        let written = self.enqueue_reviews(std::slice::from_ref(item)).await?;
        Ok(written.into_iter().next().expect("one answer for each item"))
    }

    /// Pending items of a task, or of all, in the order of their traces (which is that of time),
    /// beginning behind `after`.
    async fn pending_reviews(
        &self,
        task: Option<&TaskName>,
        limit: Limit,
        after: Option<&TraceId>,
    ) -> Result<Vec<ReviewItem>, LedgerError>;

    /// How many items of a task, or of all, are pending.
    async fn count_pending_reviews(&self, task: Option<&TaskName>) -> Result<u64, LedgerError>;

    /// The item of a trace.
    async fn find_review(&self, trace: &TraceId) -> Result<Option<ReviewItem>, LedgerError>;

    /// Settles a pending item. The same labels again change nothing.
    ///
    /// # Errors
    /// `Missing` when the trace is not in the queue; `Conflict` when someone else has settled it
    /// with other labels.
    async fn settle_review(
        &self,
        trace: &TraceId,
        labels: &[Label],
        by: &str,
        at: Timestamp,
    ) -> Result<ReviewItem, LedgerError>;

    /// Enters a correction of an answer that went out: `item` becomes a settled item. If the trace
    /// is known, pending or settled, its text and suggestion stay and the correction becomes its
    /// judgement, since the newest statement about an answer counts. The same labels again change
    /// nothing.
    ///
    /// # Errors
    /// `Invalid` when the item is not pending or something is beyond a limit.
    async fn enter_correction(
        &self,
        item: &ReviewItem,
        labels: &[Label],
        by: &str,
        at: Timestamp,
    ) -> Result<ReviewItem, LedgerError>;

    /// Settled items of a task whose settlement came behind `since`, in the order of settlement:
    /// the material of the next dataset version.
    async fn settled_reviews(
        &self,
        task: &TaskName,
        since: Sequence,
        limit: Limit,
    ) -> Result<Vec<ReviewItem>, LedgerError>;
}

impl ReviewItem {
    /// Refuses what no adapter takes in.
    ///
    /// # Errors
    /// When the item is not pending, or its text, reason or labels are beyond their limits.
    pub fn check_new(&self) -> Result<(), LedgerError> {
        if self.status != ReviewStatus::Pending {
            let why = "it enters the queue pending and is settled there".to_owned();
            return Err(LedgerError::Invalid { what: "a review item", why });
        }
        within("the text of a review item", self.text.len(), TEXT_BYTES_MAX)?;
        within("the reason of a review item", self.reason.len(), REMARK_BYTES_MAX)?;
        check_labels(&self.suggested)
    }

    /// The judgement, if there is one.
    #[must_use]
    pub fn settlement(&self) -> Option<&Settlement> {
        match &self.status {
            ReviewStatus::Pending => None,
            ReviewStatus::Settled(settlement) => Some(settlement),
        }
    }
}

/// Refuses a judgement that no adapter takes in.
///
/// # Errors
/// When there are too many labels, one occurs twice, or the name of who judged is too long.
pub fn check_judgement(labels: &[Label], by: &str) -> Result<(), LedgerError> {
    within("the name of who settles a review", by.len(), REMARK_BYTES_MAX)?;
    check_labels(labels)
}

fn check_labels(labels: &[Label]) -> Result<(), LedgerError> {
    let what = "a list of labels";
    if labels.len() > LABELS_MAX {
        let why = format!("it has {} labels, at most {LABELS_MAX} are kept", labels.len());
        return Err(LedgerError::Invalid { what, why });
    }
    let mut seen = std::collections::HashSet::new();
    match labels.iter().find(|label| !seen.insert(*label)) {
        Some(twice) => {
            Err(LedgerError::Invalid { what, why: format!("label `{twice}` occurs twice") })
        }
        None => Ok(()),
    }
}
