//! `POST /v1/batches`: takes a job in. When this answers, the job survives a crash.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use freehold_vocabulary::Timestamp;
use freehold_vocabulary::ports::Shelf;
use serde::Deserialize;
use serde_json::Value;

use crate::app::{App, shown};
use crate::batch::{Batch, ENDPOINTS, Status, Wish};
use crate::depot;
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::class;
use crate::layers::auth::Caller;
use crate::openai::files;

/// The one completion window of the protocol.
const WINDOW: &str = "24h";
const WINDOW_US: i64 = 86_400_000_000;
/// As at OpenAI.
const METADATA_MAX: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    input_file_id: String,
    endpoint: String,
    completion_window: String,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Json<Value>, ApiError> {
    files::may_keep(&app)?;
    let stated = class::stated(&headers)?;
    let endpoint = ENDPOINTS.iter().find(|it| **it == request.endpoint).ok_or_else(|| {
        let (given, there) = (shown(&request.endpoint), ENDPOINTS.join(", "));
        let message = format!("`endpoint` is `{given}`; batches go to one of {there}");
        ApiError::invalid_field("endpoint", message)
    })?;
    if request.completion_window != WINDOW {
        let message = format!("`completion_window` is `{WINDOW}`; there is no other");
        return Err(ApiError::invalid_field("completion_window", message));
    }
    let metadata = request.metadata.unwrap_or_default();
    if metadata.len() > METADATA_MAX {
        let (what, limit) = ("`metadata`".to_owned(), METADATA_MAX);
        return Err(ApiError::TooLarge { what, limit, unit: "items", remedy: "send fewer" });
    }
    let file = files::load(&app, &caller.0, &request.input_file_id).await?;
    depot::room(&app, Shelf::Batches, &caller.0).await?;
    let at = app.parts.clock.now();
    let batch = Batch {
        id: format!("batch_{}", app.ids.next(at)),
        owner: caller.0.to_string(),
        wish: Wish { endpoint: (*endpoint).to_owned(), input_file_id: file.id, metadata },
        status: Status::Validating,
        class: stated.max(file.class),
        created_at: at,
        deadline: Timestamp::from_micros(at.as_micros().saturating_add(WINDOW_US)),
        in_progress_at: None,
        finalizing_at: None,
        cancelling_at: None,
        ended_at: None,
        output_file_id: None,
        error_file_id: None,
        total: 0,
        completed: 0,
        failed: 0,
        errors: Vec::new(),
        expires_at: None,
    };
    batch.save(&app).await?;
    app.batches.add(&batch.owner, &batch.id);
    Ok(Json(batch.view(None)))
}
