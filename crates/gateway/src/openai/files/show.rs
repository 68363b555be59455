//! `GET /v1/files/{id}`: what is known of a file.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde_json::Value;

use super::load;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Json, id};
use crate::layers::auth::Caller;

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(load(&app, &caller.0, &id(path)?).await?.view()))
}
