//! Vectors in OpenAI's words.

use freehold_vocabulary::chat::{
    EmbeddingsAnswer, EmbeddingsInput, EmbeddingsRequest, Protocol, Usage,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Dialect;
use super::content::Out;
use crate::remote::wire::{Call, Trouble, Unfit, json};

pub(super) fn call(dialect: &Dialect, request: &EmbeddingsRequest) -> Result<Call, Unfit> {
    if !dialect.embeddings {
        return Err(Unfit::new("embeddings"));
    }
    let mut out = Out::default();
    let mut tokens = request.inputs.iter().map(|it| matches!(it, EmbeddingsInput::Tokens(_)));
    let first = tokens.next().ok_or_else(|| Unfit::new("embeddings of nothing"))?;
    if tokens.any(|it| it != first) {
        return Err(Unfit::new("texts and token numbers in one request"));
    }
    let inputs: Vec<Value> = request
        .inputs
        .iter()
        .map(|it| match it {
            EmbeddingsInput::Text(text) => json!(text),
            EmbeddingsInput::Tokens(tokens) => json!(tokens),
        })
        .collect();
    out.set("model", json!(request.model));
    out.set("input", Value::Array(inputs));
    out.set("encoding_format", json!("float"));
    if let Some(dimensions) = request.dimensions {
        out.set("dimensions", json!(dimensions));
    }
    if let Some(user) = &request.user {
        out.wish(dialect.user, "user", json!(user));
    }
    for (name, value) in request.extras.of(Protocol::OpenAi) {
        if out.body.contains_key(name) {
            out.ignore(name);
        } else {
            out.set(name, value.clone());
        }
    }
    request.extras.foreign_to(Protocol::OpenAi).for_each(|it| out.ignore(it));
    let (path, headers) = ("/embeddings".to_owned(), Vec::new());
    Ok(Call {
        headers,
        body: Some(Value::Object(out.body)),
        ignored: out.ignored,
        ..Call::get(path)
    })
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    model: String,
    data: Vec<Vector>,
    #[serde(default)]
    usage: Option<BodyUsage>,
}

#[derive(Debug, Deserialize)]
struct Vector {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Debug, Deserialize)]
struct BodyUsage {
    prompt_tokens: u64,
}

pub(super) fn answer(
    request: &EmbeddingsRequest,
    ignored: Vec<String>,
    body: &[u8],
) -> Result<EmbeddingsAnswer, Trouble> {
    let Body { model, mut data, usage } = json(body, "a list of embeddings")?;
    data.sort_by_key(|it| it.index);
    let complete = data.len() == request.inputs.len()
        && data.iter().enumerate().all(|(position, it)| it.index == position);
    if !complete {
        let (came, asked) = (data.len(), request.inputs.len());
        return Err(Trouble::Unreadable(format!("{came} embeddings came for {asked} inputs")));
    }
    let embeddings: Vec<Vec<f32>> = data.into_iter().map(|it| it.embedding).collect();
    let length = embeddings.first().map_or(0, Vec::len);
    let sound = |it: &Vec<f32>| it.len() == length && it.iter().all(|x| x.is_finite());
    if length == 0 || !embeddings.iter().all(sound) {
        return Err(Trouble::unreadable("an embedding is empty, of another length or not finite"));
    }
    let usage = usage.map(|it| Usage { input_tokens: it.prompt_tokens, ..Usage::default() });
    Ok(EmbeddingsAnswer { model, embeddings, usage, ignored })
}
