//! `DELETE /v1/files/{id}`: removes a file, its bytes first, so that a crash leaves none behind.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use freehold_vocabulary::ports::Shelf;
use serde_json::{Value, json};

use super::load;
use crate::app::App;
use crate::depot;
use crate::error::ApiError;
use crate::extract::{Json, id};
use crate::layers::auth::Caller;

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let file = load(&app, &caller.0, &id(path)?).await?;
    let content = depot::place(Shelf::Contents, &caller.0, &file.id)?;
    let facts = depot::place(Shelf::Files, &caller.0, &file.id)?;
    depot::with(&app, move |depot| {
        depot.remove(&content)?;
        depot.remove(&facts)
    })
    .await?;
    Ok(Json(json!({ "id": file.id, "object": "file", "deleted": true })))
}
