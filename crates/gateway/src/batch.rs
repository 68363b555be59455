//! Batches: jobs of many requests, taken up again wherever a crash left them.
//!
//! A batch is written down by whoever runs it and by nobody else, and one process at a time runs
//! it, since that process holds its lock. A cancellation is therefore an object of its own. What
//! was answered is on disk before it counts; what was under way when the process died is asked
//! again, so a request is answered once in the output and may have been paid twice.

use std::collections::BTreeMap;

use freehold_vocabulary::ports::{Depot, DepotPlace, Shelf};
use freehold_vocabulary::{DataClass, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::depot::{self, Passing};
use crate::error::ApiError;
use crate::openai::files::seconds;

pub(crate) mod input;
pub(crate) mod line;
pub(crate) mod output;
pub(crate) mod run;

/// Where the requests of a batch may go.
pub(crate) const ENDPOINTS: [&str; 5] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/moderations",
    "/v1/responses",
];

/// A job and how far it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) id: String,
    /// The key that made it, whose rights its requests have.
    pub(crate) owner: String,
    #[serde(flatten)]
    pub(crate) wish: Wish,
    pub(crate) status: Status,
    /// The class of every request at least.
    pub(crate) class: Option<DataClass>,
    pub(crate) created_at: Timestamp,
    /// What is not answered by then is not asked any more.
    pub(crate) deadline: Timestamp,
    pub(crate) in_progress_at: Option<Timestamp>,
    pub(crate) finalizing_at: Option<Timestamp>,
    pub(crate) cancelling_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    /// Named before the first answer; a file for its owner once the batch has ended.
    pub(crate) output_file_id: Option<String>,
    pub(crate) error_file_id: Option<String>,
    pub(crate) total: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    /// Why the input is no batch.
    pub(crate) errors: Vec<InputError>,
    /// When it may be forgotten; unknown until it has ended.
    pub(crate) expires_at: Option<Timestamp>,
}

/// What its owner asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) endpoint: String,
    pub(crate) input_file_id: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The order to stop.
#[derive(Debug, Serialize, Deserialize)]
struct Cancellation {
    at: Timestamp,
}

/// A mistake in the input, by its line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct InputError {
    pub(crate) code: String,
    pub(crate) message: String,
    /// Counted from 1.
    pub(crate) line: Option<u64>,
    pub(crate) param: Option<String>,
}

/// In the protocol's words; that a batch is being cancelled is said by its cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Validating,
    Failed,
    InProgress,
    Completed,
    Expired,
    Cancelled,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::Failed => "failed",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) const fn is_final(self) -> bool {
        !matches!(self, Self::Validating | Self::InProgress)
    }
}

impl Passing for Batch {
    fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl Batch {
    /// Writes it down.
    ///
    /// # Errors
    /// When the depot fails.
    pub(crate) async fn save(&self, app: &App) -> Result<(), ApiError> {
        depot::save(app, self.place(Shelf::Batches)?, self).await
    }

    /// Where something of the batch is.
    pub(crate) fn place(&self, shelf: Shelf) -> Result<DepotPlace, ApiError> {
        depot::place(shelf, &self.owner, &self.id)
    }

    /// Asks whoever runs it to stop.
    ///
    /// # Errors
    /// When the depot fails.
    pub(crate) async fn cancel(&self, app: &App) -> Result<(), ApiError> {
        let order = Cancellation { at: app.parts.clock.now() };
        depot::save(app, self.place(Shelf::Cancellations)?, &order).await
    }

    /// Since when it shall stop, if it shall.
    ///
    /// # Errors
    /// When the depot fails.
    pub(crate) async fn cancelled_at(&self, app: &App) -> Result<Option<Timestamp>, ApiError> {
        if self.status.is_final() {
            return Ok(self.cancelling_at);
        }
        let place = self.place(Shelf::Cancellations)?;
        let read = move |depot: &dyn Depot| depot::read::<Cancellation>(depot, &place);
        Ok(depot::with(app, read).await?.map(|it| it.at))
    }

    /// As clients see it.
    pub(crate) fn view(&self, cancelled_at: Option<Timestamp>) -> Value {
        let status = if cancelled_at.is_some() && !self.status.is_final() {
            "cancelling"
        } else if self.finalizing_at.is_some() && !self.status.is_final() {
            "finalizing"
        } else {
            self.status.as_str()
        };
        let at = |at: Option<Timestamp>| at.map(seconds);
        let ended = |status: Status| at(self.ended_at.filter(|_| self.status == status));
        let file = |id: &Option<String>| id.clone().filter(|_| self.status.is_final());
        let errors =
            (!self.errors.is_empty()).then(|| json!({ "object": "list", "data": self.errors }));
        json!({
            "id": self.id, "object": "batch", "endpoint": self.wish.endpoint, "errors": errors,
            "input_file_id": self.wish.input_file_id, "completion_window": "24h",
            "status": status, "output_file_id": file(&self.output_file_id),
            "error_file_id": file(&self.error_file_id), "created_at": seconds(self.created_at),
            "in_progress_at": at(self.in_progress_at), "expires_at": seconds(self.deadline),
            "finalizing_at": at(self.finalizing_at), "completed_at": ended(Status::Completed),
            "failed_at": ended(Status::Failed), "expired_at": ended(Status::Expired),
            "cancelling_at": at(cancelled_at), "cancelled_at": ended(Status::Cancelled),
            "request_counts": {
                "total": self.total, "completed": self.completed, "failed": self.failed,
            },
            "metadata": self.wish.metadata,
        })
    }
}
