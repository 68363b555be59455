//! `POST /v1/embeddings`: texts as vectors, by the engine of a model.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_vocabulary::chat::{
    ChatError, EmbeddingsAnswer, EmbeddingsInput, EmbeddingsRequest, Protocol, Usage,
};
use freehold_vocabulary::egress::Cleared;
use freehold_vocabulary::ports::ChatEngine;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::check_text;
use crate::app::{App, Offer};
use crate::budget::Most;
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::once::{Answered, Question, Reply, once};
use crate::generation::record::bounded;
use crate::generation::{Asking, class};
use crate::layers::auth::Caller;
use crate::openai::read::Parameters;
use crate::openai::wire::Freehold;

/// Tokens of one input, if they are given as numbers.
const TOKENS_MAX: usize = 1 << 17;

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    model: String,
    input: Input,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "`input` is a text, a list of texts, a list of token numbers, or a list of such lists"
)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    /// 32-bit floats, little end first.
    Base64,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Json<Value>, ApiError> {
    let at = app.parts.clock.now();
    let offer = app.generator(&request.model, "embeddings")?;
    if offer.choice.is_some() {
        let message = "`model` names a route between two models, whose vectors cannot be compared; name one of them";
        return Err(ApiError::invalid_field("model", message));
    }
    let class = class::stated(&headers)?;
    let asking = Asking { caller, endpoint: "embeddings", at, class };
    let mut others = Parameters::new(request.others);
    let encoding = others.take::<Encoding>("encoding_format")?.unwrap_or_default();
    let mut wanted = EmbeddingsRequest {
        inputs: inputs(&app, request.input)?,
        dimensions: others.take("dimensions")?,
        user: others.take("user")?,
        ..EmbeddingsRequest::default()
    };
    for (name, value) in others.rest() {
        wanted.extras.insert(Protocol::OpenAi, name, value);
    }
    let Answered { answer, about, settled } = once(&app, asking, offer, wanted).await?;
    let (usage, freehold) = (settled.usage, Freehold::new(&about, Some(&settled)));
    let data: Vec<Value> = answer
        .embeddings
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            json!({ "object": "embedding", "index": index, "embedding": encoded(vector, encoding) })
        })
        .collect();
    Ok(Json(json!({
        "object": "list", "model": request.model, "data": data,
        "usage": { "prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens },
        "freehold": freehold,
    })))
}

impl Question for EmbeddingsRequest {
    type Answer = EmbeddingsAnswer;

    fn name_model(&mut self, upstream: &str) {
        upstream.clone_into(&mut self.model);
    }

    fn most(&self, offer: &Offer) -> Most {
        Most::of_embeddings(self, offer)
    }

    fn estimate(&self) -> Usage {
        let tokens = self.inputs.iter().map(|input| match input {
            EmbeddingsInput::Text(text) => text.len().div_ceil(4) as u64,
            EmbeddingsInput::Tokens(tokens) => tokens.len() as u64,
        });
        Usage { input_tokens: tokens.sum(), ..Usage::default() }
    }

    fn content(&self) -> String {
        bounded(&self.inputs)
    }

    async fn ask(
        engine: &dyn ChatEngine,
        cleared: Cleared<Self>,
    ) -> Result<Reply<EmbeddingsAnswer>, ChatError> {
        let answer = engine.embed(cleared).await?;
        let (model, usage, ignored) = (answer.model.clone(), answer.usage, answer.ignored.clone());
        Ok(Reply { answer, model, usage, ignored })
    }
}

fn inputs(app: &App, input: Input) -> Result<Vec<EmbeddingsInput>, ApiError> {
    let inputs: Vec<EmbeddingsInput> = match input {
        Input::Text(text) => vec![EmbeddingsInput::Text(text)],
        Input::Texts(texts) => texts.into_iter().map(EmbeddingsInput::Text).collect(),
        Input::Tokens(tokens) => vec![EmbeddingsInput::Tokens(tokens)],
        Input::TokenLists(lists) => lists.into_iter().map(EmbeddingsInput::Tokens).collect(),
    };
    if inputs.is_empty() {
        return Err(ApiError::invalid_field("input", "`input` is empty; send at least one text"));
    }
    let limit = app.parts.limits.batch_max.get();
    if inputs.len() > limit {
        let (what, remedy) = ("`input`".to_owned(), "split the batch");
        return Err(ApiError::TooLarge { what, limit, unit: "items", remedy });
    }
    for input in &inputs {
        match input {
            EmbeddingsInput::Text(text) => check_text(app, "input", text)?,
            EmbeddingsInput::Tokens(tokens) if !(1..=TOKENS_MAX).contains(&tokens.len()) => {
                let message = format!("an input has 1 to {TOKENS_MAX} tokens");
                return Err(ApiError::invalid_field("input", message));
            }
            EmbeddingsInput::Tokens(_) => {}
        }
    }
    Ok(inputs)
}

fn encoded(vector: &[f32], encoding: Encoding) -> Value {
    match encoding {
        Encoding::Float => json!(vector),
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|it| it.to_le_bytes()).collect();
            STANDARD.encode(bytes).into()
        }
    }
}
