//! `POST /v1/responses`: a model generates, a task classifies the last words of the user.
//!
//! Nothing runs in the background and no tool runs here; what a turn may stand on is a response
//! that was stored before. A response is stored unless its caller or the rules about content say
//! no, and its field `store` says which it was.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use freehold_vocabulary::chat::{Accumulator, Delivery, Part};
use freehold_vocabulary::{DataClass, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{App, Offer, Target};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::{About, Answering, Asking, class, generate, limits, sse};
use crate::layers::auth::Caller;

pub(crate) mod delete;
pub(crate) mod input;
pub(crate) mod input_items;
pub(crate) mod items;
pub(crate) mod keep;
pub(crate) mod request;
pub(crate) mod seal;
pub(crate) mod show;
pub(crate) mod task;
pub(crate) mod view;

use items::Items;
use keep::StoredResponse;
use request::Wanted;
use view::{Frames, Head, ending};

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    model: String,
    #[serde(default)]
    input: Option<Value>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    store: Option<bool>,
    #[serde(default)]
    previous_response_id: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// What a turn needs to know besides its words.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) caller: Caller,
    pub(crate) at: Timestamp,
    pub(crate) streamed: bool,
    /// What the caller wishes; the rules about content may say no.
    pub(crate) store: bool,
    pub(crate) previous: Option<String>,
    /// Stated by the header, or of an earlier turn.
    pub(crate) class: Option<DataClass>,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Response, ApiError> {
    let at = app.parts.clock.now();
    let target = app.model(&request.model)?;
    let stated = class::stated(&headers)?;
    let streamed = request.stream.unwrap_or(false);
    let delivery = if streamed { Delivery::Streamed } else { Delivery::Whole };
    let mut named = |prefix: &str| format!("{prefix}_{}", app.ids.next(at));
    let mut wanted = request::translated(request.input, request.others, delivery, &mut named)?;
    let previous = request.previous_response_id;
    let before = keep::before(&app, &caller.0, previous.as_deref()).await?;
    wanted.chat.messages.splice(0..0, before.messages);
    if wanted.chat.messages.is_empty() {
        return Err(ApiError::invalid_field("input", "`input` is empty; send a text or items"));
    }
    limits::check(&wanted.chat)?;
    let store = request.store.unwrap_or(true);
    let class = stated.max(before.class);
    let turn = Turn { caller, at, streamed, store, previous, class };
    match target {
        Target::Task(served) => task::answer(&app, turn, &served, wanted).await,
        Target::Model(offer) => answer_model(&app, turn, offer, wanted).await,
    }
}

async fn answer_model(
    app: &App,
    turn: Turn,
    offer: Offer,
    wanted: Wanted,
) -> Result<Response, ApiError> {
    let Wanted { chat, items: input, include, echo } = wanted;
    let asking = Asking {
        caller: turn.caller.clone(),
        endpoint: "responses",
        at: turn.at,
        class: turn.class,
    };
    let mut answering = generate(app, asking, offer, chat).await?;
    let about = answering.about.clone();
    let head = Head {
        id: format!("resp_{}", about.trace_id),
        created: turn.at.as_micros().div_euclid(1_000_000),
        model: about.model.clone(),
        previous: turn.previous.clone(),
        stored: turn.store && about.keeps_content,
        echo,
        freehold: json!(about),
    };
    if head.stored {
        answering = stored(app, answering, &turn, &head, (input, include), &about);
    }
    if turn.streamed {
        return Ok(sse::stream(answering, Frames::new(head, include)));
    }
    let mut items = Items::new(head.suffix(), include);
    let see = |event| {
        items.see(event);
    };
    let (_about, settled) = answering.whole(see).await?;
    Ok(Json(head.whole(&items, &settled.usage, Some(ending(&settled)))).into_response())
}

/// The same answer, which ends only when it is stored.
fn stored(
    app: &App,
    answering: Answering,
    turn: &Turn,
    head: &Head,
    (input, include): (Vec<Value>, request::Include),
    about: &About,
) -> Answering {
    let shared = std::sync::Arc::new(std::sync::Mutex::new((
        Items::new(head.suffix(), include),
        Accumulator::new(),
    )));
    let seen = shared.clone();
    let see = move |event: &freehold_vocabulary::chat::ChatEvent| {
        let mut growing = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        growing.0.see(event.clone());
        // The order of events was checked when they came.
        let _ = growing.1.push(event.clone());
    };
    let (app, owner, head) = (app.clone(), turn.caller.0.clone(), head.clone());
    let (previous, class) = (turn.previous.clone(), about.data_class);
    answering.before_end(see, move |settled| async move {
        let (response, said) = {
            let growing = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let response = head.whole(&growing.0, &settled.usage, Some(ending(&settled)));
            (response, said(growing.1.clone()))
        };
        let kept = |expires_at| StoredResponse {
            response,
            items: input,
            said,
            previous,
            class,
            expires_at,
        };
        keep::keep(&app, &owner, &head.id, kept).await?;
        Ok(settled)
    })
}

/// What the model said, in our own words.
fn said(whole: Accumulator) -> Vec<Part> {
    let answer = whole.finish().ok();
    let choice = answer.and_then(|it| it.choices.into_iter().find(|it| it.index == 0));
    choice.map(|it| it.parts).unwrap_or_default()
}
