//! What a batch has answered: lines that are added to two objects, and read again after a crash.

use std::collections::HashSet;

use freehold_vocabulary::ports::{DepotPlace, Shelf};
use serde::Deserialize;
use serde_json::{Value, json};

use super::input::Lines;
use crate::app::App;
use crate::depot;
use crate::error::ApiError;

/// Longest answer that is read again; it was written here.
const LINE_BYTES_MAX: usize = 256 << 20;

/// An answer, or why there is none.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) custom_id: String,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    /// Of an endpoint, good or bad.
    Response { status: u16, request_id: String, body: Value },
    /// Nobody was asked, or what was said may not be kept.
    Nothing { code: &'static str, message: String },
}

impl Answered {
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Response { status: 200..=299, .. })
    }

    fn line(&self, batch: &str, place: u64) -> Vec<u8> {
        let (response, error) = match &self.outcome {
            Outcome::Response { status, request_id, body } => (
                json!({ "status_code": status, "request_id": request_id, "body": body }),
                Value::Null,
            ),
            Outcome::Nothing { code, message } => {
                (Value::Null, json!({ "code": code, "message": message }))
            }
        };
        let batch = batch.trim_start_matches("batch_");
        let line = json!({
            "id": format!("batch_req_{batch}_{place}"), "custom_id": self.custom_id,
            "response": response, "error": error,
        });
        let mut line = line.to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

/// One of the two objects.
#[derive(Debug)]
pub(crate) struct Written {
    batch: String,
    place: DepotPlace,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
}

impl Written {
    /// Takes up an object where it was left: half a line at its end is cut off, and the ids of
    /// the others are added to `done`.
    ///
    /// # Errors
    /// When the depot fails.
    pub(crate) async fn resume(
        app: &App,
        batch: &super::Batch,
        id: &str,
        done: &mut HashSet<String>,
    ) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Id {
            custom_id: String,
        }
        let place = depot::place(Shelf::Contents, &batch.owner, id)?;
        let (batch, asked) = (batch.id.clone(), place.clone());
        let mut written = Self { batch, place: place.clone(), bytes: 0, lines: 0 };
        let length = depot::with(app, move |depot| depot.length(&asked)).await?;
        let Some(length) = length else { return Ok(written) };
        let mut lines = Lines::new(place, LINE_BYTES_MAX);
        while let Some(Ok(line)) = lines.next(app).await? {
            let end = written.bytes + line.len() as u64 + 1;
            // A line without its end, or of zeros, is what a crash left of it.
            let Ok(Id { custom_id }) = serde_json::from_slice(&line) else { break };
            if end > length {
                break;
            }
            done.insert(custom_id);
            written.bytes = end;
            written.lines += 1;
        }
        if written.bytes < length {
            let (place, offset) = (written.place.clone(), written.bytes);
            depot::with(app, move |depot| depot.write_at(&place, offset, &[])).await?;
        }
        Ok(written)
    }

    /// Adds answers; when this returns they survive a crash.
    ///
    /// # Errors
    /// When the depot fails.
    pub(crate) async fn add<'a>(
        &mut self,
        app: &App,
        answers: impl Iterator<Item = &'a Answered>,
    ) -> Result<(), ApiError> {
        let mut bytes = Vec::new();
        let mut lines = self.lines;
        for answer in answers {
            bytes.extend(answer.line(&self.batch, lines));
            lines += 1;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let (place, offset, more) = (self.place.clone(), self.bytes, bytes.len() as u64);
        depot::with(app, move |depot| depot.write_at(&place, offset, &bytes)).await?;
        self.bytes += more;
        self.lines = lines;
        Ok(())
    }
}
