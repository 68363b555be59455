//! Vectors in Gemini's words: `batchEmbedContents`, which counts no tokens.

use freehold_vocabulary::chat::{EmbeddingsAnswer, EmbeddingsInput, EmbeddingsRequest, Protocol};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::remote::wire::{Call, Trouble, Unfit, json};

pub(super) fn call(request: &EmbeddingsRequest) -> Result<Call, Unfit> {
    let path = super::model_path(&request.model, "batchEmbedContents")?;
    let mut requests = Vec::new();
    for input in &request.inputs {
        let EmbeddingsInput::Text(text) = input else {
            return Err(Unfit::new("embeddings of token numbers"));
        };
        let model = format!("models/{}", request.model);
        let mut one = json!({ "model": model, "content": { "parts": [{ "text": text }] } });
        if let Some(dimensions) = request.dimensions {
            one["outputDimensionality"] = json!(dimensions);
        }
        requests.push(one);
    }
    if requests.is_empty() {
        return Err(Unfit::new("embeddings of nothing"));
    }
    let mut ignored: Vec<String> =
        request.extras.foreign_to(Protocol::Gemini).map(str::to_owned).collect();
    ignored.extend(request.user.as_ref().map(|_| "user".to_owned()));
    let body = Some(json!({ "requests": Value::Array(requests) }));
    Ok(Call { body, ignored, ..Call::get(path) })
}

#[derive(Debug, Deserialize)]
struct Body {
    embeddings: Vec<Vector>,
}

#[derive(Debug, Deserialize)]
struct Vector {
    values: Vec<f32>,
}

pub(super) fn answer(
    request: &EmbeddingsRequest,
    ignored: Vec<String>,
    body: &[u8],
) -> Result<EmbeddingsAnswer, Trouble> {
    let Body { embeddings } = json(body, "a list of embeddings")?;
    if embeddings.len() != request.inputs.len() {
        let (came, asked) = (embeddings.len(), request.inputs.len());
        return Err(Trouble::Unreadable(format!("{came} embeddings came for {asked} inputs")));
    }
    let embeddings: Vec<Vec<f32>> = embeddings.into_iter().map(|it| it.values).collect();
    let length = embeddings.first().map_or(0, Vec::len);
    let sound = |it: &Vec<f32>| it.len() == length && it.iter().all(|x| x.is_finite());
    if length == 0 || !embeddings.iter().all(sound) {
        return Err(Trouble::unreadable("an embedding is empty, of another length or not finite"));
    }
    Ok(EmbeddingsAnswer { model: request.model.clone(), embeddings, usage: None, ignored })
}
