//! `GET /v1/responses/{id}`: a stored response.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use freehold_vocabulary::ports::Shelf;
use serde::Deserialize;
use serde_json::Value;

use super::keep::StoredResponse;
use crate::app::App;
use crate::depot;
use crate::error::ApiError;
use crate::extract::{Json, id};
use crate::layers::auth::Caller;

/// How it is wanted; what an answer includes was settled when it was made.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    stream: Option<bool>,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Form>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let id = id(path)?;
    let Query(form) = query.map_err(|cause| ApiError::invalid(cause.body_text()))?;
    if form.stream == Some(true) {
        let reason = "`stream`: a stored response has ended and comes whole".to_owned();
        return Err(ApiError::UnsupportedParameter { param: "stream".to_owned(), reason });
    }
    let turn: StoredResponse = depot::load(&app, Shelf::Responses, &caller.0, &id).await?;
    Ok(Json(turn.response))
}
