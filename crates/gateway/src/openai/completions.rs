//! `POST /v1/completions`: OpenAI's older endpoint for texts. The prompt is a message of the user.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use freehold_vocabulary::chat::{
    ChatEvent, ChatRequest, Delivery, Message, Protocol, Role, TokenLogProb,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::sse::{Encode, data, stream};
use crate::generation::{About, Asking, Settled, class, generate, limits};
use crate::layers::auth::Caller;
use crate::layers::rescue::openai_body;
use crate::openai::chat::StreamOptions;
use crate::openai::chat::request::sampling;
use crate::openai::read::{Parameters, texts};
use crate::openai::wire::{Freehold, finish_reason, usage};

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    model: String,
    prompt: Value,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Response, ApiError> {
    let at = app.parts.clock.now();
    let offer = app.generator(&request.model, "completions")?;
    let class = class::stated(&headers)?;
    let asking = Asking { caller, endpoint: "completions", at, class };
    let streamed = request.stream.unwrap_or(false);
    let with_usage = request.stream_options.and_then(|it| it.include_usage).unwrap_or(false);
    let delivery = if streamed { Delivery::Streamed } else { Delivery::Whole };
    let translated = translated(request.prompt, request.others, delivery)?;
    limits::check(&translated)?;
    let created = at.as_micros().div_euclid(1_000_000);
    let answering = generate(&app, asking, offer, translated).await?;
    let about = answering.about.clone();
    let chunks = Chunks { about, created, with_usage, begun: BTreeSet::new() };
    if streamed {
        return Ok(stream(answering, chunks));
    }
    let mut choices: BTreeMap<u32, Piece> = BTreeMap::new();
    let see = |event| {
        if let Some((choice, piece)) = piece(event) {
            choices.entry(choice).or_default().add(piece);
        }
    };
    let (_about, settled) = answering.whole(see).await?;
    let choices = choices.iter().map(|(index, piece)| piece.choice(*index)).collect();
    let mut whole = chunks.fields(choices);
    whole.insert("usage".to_owned(), usage(&settled.usage));
    whole.insert("freehold".to_owned(), json!(Freehold::new(&chunks.about, Some(&settled))));
    Ok(Json(whole).into_response())
}

fn translated(
    prompt: Value,
    others: BTreeMap<String, Value>,
    delivery: Delivery,
) -> Result<ChatRequest, ApiError> {
    let mut prompts = texts("prompt", prompt)?;
    let (Some(prompt), true) = (prompts.pop(), prompts.is_empty()) else {
        let message = "`prompt` is one text here; send each of several in a request of its own";
        return Err(ApiError::invalid_field("prompt", message));
    };
    let mut others = Parameters::new(others);
    for (name, nothing) in [("echo", json!(false)), ("suffix", json!("")), ("best_of", json!(1))] {
        if others.take_value(name).is_some_and(|it| it != nothing) {
            let reason = format!("`{name}`: chat models cannot do it; use `/v1/chat/completions`");
            return Err(ApiError::UnsupportedParameter { param: name.to_owned(), reason });
        }
    }
    let logprobs = others.take::<u32>("logprobs")?;
    let mut request = ChatRequest {
        messages: vec![Message::text(Role::User, prompt)],
        sampling: sampling(&mut others)?,
        user: others.take("user")?,
        delivery,
        ..ChatRequest::default()
    };
    request.sampling.logprobs = logprobs;
    for (name, value) in others.rest() {
        request.extras.insert(Protocol::OpenAi, name, value);
    }
    Ok(request)
}

/// What one event adds to a choice.
#[derive(Debug, Default)]
struct Piece {
    text: String,
    logprobs: Vec<TokenLogProb>,
    finish: Option<String>,
}

fn piece(event: ChatEvent) -> Option<(u32, Piece)> {
    Some(match event {
        // The older protocol has one kind of text.
        ChatEvent::TextDelta { choice, text } | ChatEvent::RefusalDelta { choice, text } => {
            (choice, Piece { text, ..Piece::default() })
        }
        ChatEvent::LogProbs { choice, tokens } => {
            (choice, Piece { logprobs: tokens, ..Piece::default() })
        }
        ChatEvent::Finished { choice, reason } => {
            let finish = Some(finish_reason(&reason).to_owned());
            (choice, Piece { finish, ..Piece::default() })
        }
        _ => return None,
    })
}

impl Piece {
    fn add(&mut self, more: Self) {
        self.text.push_str(&more.text);
        self.logprobs.extend(more.logprobs);
        self.finish = more.finish.or(self.finish.take());
    }

    fn choice(&self, index: u32) -> Value {
        let logprobs = (!self.logprobs.is_empty()).then(|| {
            let top = |it: &TokenLogProb| -> Map<String, Value> {
                it.top.iter().map(|it| (it.token.clone(), json!(it.logprob))).collect()
            };
            let tokens: Vec<&str> = self.logprobs.iter().map(|it| it.token.as_str()).collect();
            let values: Vec<f64> = self.logprobs.iter().map(|it| it.logprob).collect();
            let top: Vec<_> = self.logprobs.iter().map(top).collect();
            json!({ "tokens": tokens, "token_logprobs": values, "top_logprobs": top })
        });
        json!({ "index": index, "text": self.text, "logprobs": logprobs, "finish_reason": self.finish })
    }
}

/// Writes chunks.
#[derive(Debug)]
struct Chunks {
    about: About,
    created: i64,
    with_usage: bool,
    begun: BTreeSet<u32>,
}

impl Chunks {
    fn fields(&self, choices: Vec<Value>) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("id".to_owned(), format!("cmpl-{}", self.about.trace_id).into());
        fields.insert("object".to_owned(), "text_completion".into());
        fields.insert("created".to_owned(), self.created.into());
        fields.insert("model".to_owned(), self.about.model.as_str().into());
        fields.insert("choices".to_owned(), choices.into());
        fields
    }
}

impl Encode for Chunks {
    fn event(&mut self, event: ChatEvent) -> String {
        let Some((index, piece)) = piece(event) else { return String::new() };
        let mut chunk = self.fields(vec![piece.choice(index)]);
        if self.with_usage {
            chunk.insert("usage".to_owned(), Value::Null);
        }
        if self.begun.is_empty() {
            chunk.insert("freehold".to_owned(), json!(Freehold::new(&self.about, None)));
        }
        self.begun.insert(index);
        data(&chunk)
    }

    fn end(&mut self, settled: Settled) -> String {
        let mut text = String::new();
        if self.with_usage {
            let mut chunk = self.fields(Vec::new());
            chunk.insert("usage".to_owned(), usage(&settled.usage));
            let freehold = Freehold::new(&self.about, Some(&settled));
            chunk.insert("freehold".to_owned(), json!(freehold));
            text.push_str(&data(&chunk));
        }
        text.push_str("data: [DONE]\n\n");
        text
    }

    fn failed(&mut self, error: &ApiError) -> String {
        data(&openai_body(&error.face()))
    }
}
