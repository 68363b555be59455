//! Vectors of Amazon's Titan models, the only ones of which the body is the same for all of them.
//! One text per call is all that they take.

use freehold_vocabulary::chat::{
    EmbeddingsAnswer, EmbeddingsInput, EmbeddingsRequest, Protocol, Usage,
};
use serde::Deserialize;
use serde_json::json;

use crate::remote::wire::{Call, Trouble, Unfit, json};

pub(super) fn call(request: &EmbeddingsRequest) -> Result<Call, Unfit> {
    if !request.model.contains("titan-embed-text") {
        return Err(Unfit::new("embeddings of models other than Amazon's `titan-embed-text`"));
    }
    let [EmbeddingsInput::Text(text)] = request.inputs.as_slice() else {
        return Err(Unfit::new("embeddings of anything but one text per request"));
    };
    let mut body = json!({ "inputText": text });
    if let Some(dimensions) = request.dimensions {
        body["dimensions"] = json!(dimensions);
    }
    let mut ignored: Vec<String> =
        request.extras.foreign_to(Protocol::Bedrock).map(str::to_owned).collect();
    ignored.extend(request.user.as_ref().map(|_| "user".to_owned()));
    let path = super::model_path(&request.model, "invoke")?;
    Ok(Call { body: Some(body), ignored, ..Call::get(path) })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    embedding: Vec<f32>,
    input_text_token_count: u64,
}

pub(super) fn answer(
    request: &EmbeddingsRequest,
    ignored: Vec<String>,
    body: &[u8],
) -> Result<EmbeddingsAnswer, Trouble> {
    let Body { embedding, input_text_token_count } = json(body, "an embedding")?;
    if embedding.is_empty() || !embedding.iter().all(|it| it.is_finite()) {
        return Err(Trouble::unreadable("the embedding is empty or not finite"));
    }
    let usage = Usage { input_tokens: input_text_token_count, ..Usage::default() };
    Ok(EmbeddingsAnswer {
        model: request.model.clone(),
        embeddings: vec![embedding],
        usage: Some(usage),
        ignored,
    })
}
