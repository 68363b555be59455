//! `POST /v1/chat/completions`: a task classifies, a model generates; `model` says which.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use crate::app::{App, Target};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::{Asking, class};
use crate::layers::auth::Caller;
use crate::record::{Asked, Field};
use crate::walk::Elsewhere;

pub(crate) mod classify;
pub(crate) mod generate;
pub(crate) mod parameters;
pub(crate) mod pieces;
pub(crate) mod request;
mod stream;

#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    pub(crate) include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    role: String,
    #[serde(default)]
    content: Value,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<ChatRequest>,
) -> Result<Response, ApiError> {
    let at = app.parts.clock.now();
    let streamed = request.stream.unwrap_or(false);
    if request.stream_options.is_some() && !streamed {
        let message = "`stream_options` is only allowed when `stream` is true";
        return Err(ApiError::invalid_field("stream_options", message));
    }
    match app.model(&request.model)? {
        Target::Task(served) => {
            let elsewhere = Elsewhere::May { class: class::stated(&headers)? };
            let (endpoint, field) = ("chat.completions", Field::Only("messages"));
            let asked = Asked { caller, endpoint, at, field, elsewhere };
            classify::answer_task(app, asked, &served, request).await
        }
        Target::Model(offer) => {
            let class = class::stated(&headers)?;
            let asking = Asking { caller, endpoint: "chat.completions", at, class };
            generate::answer_model(&app, asking, offer, request).await
        }
    }
}
