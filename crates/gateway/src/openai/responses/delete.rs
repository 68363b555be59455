//! `DELETE /v1/responses/{id}`: forgets what was said in a turn. Later turns that stand on it can
//! be shown, and cannot be continued.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use freehold_vocabulary::ports::Shelf;
use serde_json::{Value, json};

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
    let id = id(path)?;
    let place = depot::place(Shelf::Responses, &caller.0, &id)?;
    if !depot::with(&app, move |depot| depot.remove(&place)).await? {
        return Err(depot::unknown(Shelf::Responses, &id));
    }
    Ok(Json(json!({ "id": id, "object": "response", "deleted": true })))
}
