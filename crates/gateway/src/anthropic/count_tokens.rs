//! `POST /v1/messages/count_tokens`: how many tokens a request has, estimated from its bytes.
//!
//! Asking the engine would send the text there, which only an answer is worth; so the answer is
//! an estimate and its header says so. Images are not counted.

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Response};

use super::messages::{MessagesRequest, estimated, request};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::Json;

/// Says whether a number was counted or estimated.
const HEADER: HeaderName = HeaderName::from_static("x-freehold-token-count");

pub(crate) async fn handler(
    State(app): State<App>,
    Json(sent): Json<MessagesRequest>,
) -> Result<Response, ApiError> {
    app.model(&sent.model)?;
    let translated = request::translated(sent)?;
    Ok(([(HEADER, "estimate")], Json(estimated(&translated))).into_response())
}
