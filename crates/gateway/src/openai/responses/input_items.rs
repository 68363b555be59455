//! `GET /v1/responses/{id}/input_items`: what a stored response answered to.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use freehold_vocabulary::ports::Shelf;
use serde_json::Value;

use super::keep::StoredResponse;
use crate::app::App;
use crate::depot;
use crate::error::ApiError;
use crate::extract::{Json, id};
use crate::layers::auth::Caller;
use crate::openai::page::{Page, page};

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let id = id(path)?;
    let turn: StoredResponse = depot::load(&app, Shelf::Responses, &caller.0, &id).await?;
    Ok(Json(page(turn.items, query)?))
}
