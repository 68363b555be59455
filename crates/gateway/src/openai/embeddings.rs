//! `POST /v1/embeddings`: texts as vectors, by the engine of a model.
//!
//! No other model stands in for one that fails: vectors of different models cannot be compared.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_vocabulary::Ending;
use freehold_vocabulary::chat::{
    EmbeddingsAnswer, EmbeddingsInput, EmbeddingsRequest, Protocol, Usage, UsageBasis,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::check_text;
use crate::app::{App, Offer};
use crate::budget::{Most, reserve};
use crate::egress::{Leaving, clear};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::attempts::{self, Heard};
use crate::generation::record::{Kept, Said, bounded, keep, keeps_content};
use crate::generation::{About, Asking, allowed, class, redaction};
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
    let offer = allowed(&caller, offer)?;
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
    let run = tokio::spawn(async move { embed(&app, asking, &offer, wanted).await });
    // A task of its own records the answer also if the client goes away.
    let done = run.await.map_err(|cause| ApiError::Panicked(cause.to_string()))?;
    let (answer, usage, freehold) = done?;
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

async fn embed(
    app: &App,
    asking: Asking,
    offer: &Offer,
    wanted: EmbeddingsRequest,
) -> Result<(EmbeddingsAnswer, Usage, Freehold), ApiError> {
    let offered = &offer.chain[0];
    let model = &offered.model;
    let id = app.ids.next(asking.at);
    let most = || Most::of_embeddings(&wanted, offer);
    let reserved = reserve(app, &asking.caller, most).await?;
    let estimate = estimated(&wanted);
    let judged = class::judged(app, &asking, offer, wanted).await?;
    let sendable = redaction::sendable(&offer.egress, model, &judged.request).await?;
    let request = sendable.request.with(|it| it.model.clone_from(&model.upstream));
    let leaving = Leaving {
        app,
        caller: &asking.caller,
        at: asking.at,
        trace: &id,
        offered,
        policy: &offer.egress.policy,
        found: &judged.found,
        replaced: &sendable.replaced,
    };
    let cleared = clear(&leaving, &request).await??;
    let rule = cleared.record().rule.clone();
    let engine = model.engine.card().name().clone();
    let heard = Heard::default();
    let answered = heard.during(model.engine.embed(cleared)).await;
    let error = answered.as_ref().err().map(ToString::to_string);
    let (usage, basis) = match &answered {
        Ok(EmbeddingsAnswer { usage: Some(usage), .. }) => (*usage, UsageBasis::Reported),
        Ok(_) => (estimate, UsageBasis::Estimated),
        Err(_) => (Usage::default(), UsageBasis::Nothing),
    };
    let kept = Kept {
        id: id.clone(),
        asking: &asking,
        content: offer.egress.content,
        class: judged.request.class(),
        rule: rule.clone(),
        offered,
        ending: if error.is_some() { Ending::Failed } else { Ending::Complete },
        first_token_us: None,
        tries: attempts::tries(heard.take(), offered, asking.at, error, (usage, basis)),
        hit: None,
        route: Box::default(),
    };
    let content = kept.keeps_content().then(|| bounded(&request.request().inputs));
    let upstream = answered.as_ref().ok().map(|it| it.model.clone());
    let said = Said { upstream, usage, basis: Some(basis), request: content, ..Said::default() };
    let settled = keep(app, kept, said).await?;
    reserved.settle(settled.usage, settled.cost.as_ref());
    let answer = answered.map_err(ApiError::Generation)?;
    let about = About {
        trace_id: id,
        model: model.name.clone(),
        engine,
        tier: model.tier,
        data_class: judged.request.class(),
        rule,
        ignored_parameters: answer.ignored.clone(),
        cache: None,
        keeps_content: keeps_content(offer.egress.content, model, judged.request.class()),
        route: None,
    };
    Ok((answer, usage, Freehold::new(&about, Some(&settled))))
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

fn estimated(request: &EmbeddingsRequest) -> Usage {
    let tokens = request.inputs.iter().map(|input| match input {
        EmbeddingsInput::Text(text) => text.len().div_ceil(4) as u64,
        EmbeddingsInput::Tokens(tokens) => tokens.len() as u64,
    });
    Usage { input_tokens: tokens.sum(), ..Usage::default() }
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
