//! `GET /v1/batches/{id}`: how far a batch is.

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
    let cancelled_at = batch.cancelled_at(&app).await?;
    Ok(Json(batch.view(cancelled_at)))
}
