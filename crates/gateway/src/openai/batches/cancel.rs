//! `POST /v1/batches/{id}/cancel`: no further request of the batch begins; what is answered stays.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use freehold_vocabulary::ports::Shelf;
use serde_json::Value;

use crate::app::App;
use crate::batch::Batch;
use crate::depot;
use crate::error::ApiError;
use crate::extract::{Json, id};
use crate::layers::auth::Caller;

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let batch: Batch = depot::load(&app, Shelf::Batches, &caller.0, &id(path)?).await?;
    if batch.status.is_final() {
        let message = format!(
            "the batch `{}` is {} and cannot be cancelled any more",
            batch.id,
            batch.status.as_str()
        );
        return Err(ApiError::invalid_field("id", message));
    }
    batch.cancel(&app).await?;
    let cancelled_at = batch.cancelled_at(&app).await?;
    Ok(Json(batch.view(cancelled_at)))
}
