//! `/v1/files`: what batches read and write. A file belongs to the key that made it.

use freehold_vocabulary::ports::Shelf;
use freehold_vocabulary::{DataClass, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::depot::{self, Passing};
use crate::error::ApiError;
use crate::portfolio::KeptContent;

pub(crate) mod content;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod show;

/// What is known of a file; its bytes are on a shelf of their own, under the same name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredFile {
    pub(crate) id: String,
    pub(crate) filename: String,
    pub(crate) purpose: String,
    pub(crate) bytes: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// What a batch made of the file has at least.
    pub(crate) class: Option<DataClass>,
}

impl Passing for StoredFile {
    fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl StoredFile {
    /// As clients see it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id, "object": "file", "bytes": self.bytes, "filename": self.filename,
            "purpose": self.purpose, "created_at": seconds(self.created_at),
            "expires_at": self.expires_at.map(seconds), "status": "processed",
        })
    }
}

/// Seconds of the epoch, as OpenAI's objects say instants.
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

/// Refuses to keep anything where the operator wants no content kept.
///
/// # Errors
/// When that is so.
pub(crate) fn may_keep(app: &App) -> Result<(), ApiError> {
    if app.portfolio().egress().content == KeptContent::Never {
        return Err(ApiError::ContentNotKept);
    }
    Ok(())
}

/// What is known of a file of this caller.
///
/// # Errors
/// When there is none, or the depot fails.
pub(crate) async fn load(app: &App, owner: &str, id: &str) -> Result<StoredFile, ApiError> {
    depot::load(app, Shelf::Files, owner, id).await
}
