//! `POST /v1/messages`: a task classifies the last message of the user, a model generates.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use freehold_vocabulary::chat::{ChatRequest, Delivery, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{AnswerView, answer, check_text};
use crate::app::{App, Served, Target};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::record::last_text;
use crate::generation::{Asking, class, generate, limits, sse};
use crate::layers::auth::Caller;
use crate::openai::chat::classify::content;
use crate::record::{Asked, Field};
use crate::walk::Elsewhere;

pub(crate) mod blocks;
pub(crate) mod request;

use blocks::{Frames, Head, Whole};

#[derive(Debug, Deserialize)]
pub(crate) struct MessagesRequest {
    pub(crate) model: String,
    messages: Vec<Sent>,
    max_tokens: Option<u32>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Sent {
    role: String,
    #[serde(default)]
    content: Value,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<MessagesRequest>,
) -> Result<Response, ApiError> {
    let at = app.parts.clock.now();
    let streamed = request.stream.unwrap_or(false);
    let target = app.model(&request.model)?;
    if request.max_tokens.is_none() {
        let message = "`max_tokens` is missing; say how many tokens the answer may have";
        return Err(ApiError::invalid_field("max_tokens", message));
    }
    let translated = request::translated(request)?;
    match target {
        Target::Task(served) => {
            let elsewhere = Elsewhere::May { class: class::stated(&headers)? };
            let (endpoint, field) = ("messages", Field::Only("messages"));
            let asked = Asked { caller, endpoint, at, field, elsewhere };
            answer_task(&app, &asked, &served, &translated, streamed).await
        }
        Target::Model(offer) => {
            limits::check(&translated)?;
            let class = class::stated(&headers)?;
            let asking = Asking { caller, endpoint: "messages", at, class };
            let answering = generate(&app, asking, offer, translated).await?;
            if streamed {
                let head = Head::of(&answering.about);
                return Ok(sse::stream(answering, Frames::new(head)));
            }
            let head = Head::of(&answering.about);
            let mut whole = Whole::default();
            let (_about, settled) = answering.whole(|event| whole.add(event)).await?;
            Ok(Json(whole.message(&head, &settled)).into_response())
        }
    }
}

/// The label of a task as a text, which is complete before its stream begins.
async fn answer_task(
    app: &App,
    asked: &Asked,
    served: &Served,
    request: &ChatRequest,
    streamed: bool,
) -> Result<Response, ApiError> {
    if !request.tools.is_empty() {
        let (param, reason) =
            ("tools".to_owned(), "`tools`: a classifier calls no tools".to_owned());
        return Err(ApiError::UnsupportedParameter { param, reason });
    }
    let text = last_text(request);
    check_text(app, "messages", &text)?;
    let answered = answer(app, asked, served, vec![text]).await?;
    let (id, walked) =
        answered.into_iter().next().expect("one text was asked and every text is answered");
    let input_tokens = u64::from(walked.last_answer().tokens);
    let usage = Usage { input_tokens, ..Usage::default() };
    let view = AnswerView::new(served, id, &walked, None);
    let said = content(served, &view);
    let id = format!("msg_{}", view.trace_id);
    let head = Head { id, model: served.deployed.name(), freehold: json!(view) };
    let mut whole = Whole::default();
    whole.text(said);
    if !streamed {
        return Ok(Json(whole.plain_message(&head, &usage)).into_response());
    }
    Ok(sse::complete(blocks::told(&head, whole, &usage)))
}

impl MessagesRequest {
    fn delivery(&self) -> Delivery {
        if self.stream.unwrap_or(false) { Delivery::Streamed } else { Delivery::Whole }
    }
}

/// Tokens of a request, estimated; the header of the answer says so.
pub(crate) fn estimated(request: &ChatRequest) -> Value {
    json!({ "input_tokens": crate::generation::tally::estimated_input(request) })
}
