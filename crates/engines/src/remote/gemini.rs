//! Google's Gemini: `generateContent` and `streamGenerateContent`.

mod embeddings;
mod reader;
mod request;

use freehold_vocabulary::chat::{ChatRequest, EmbeddingsAnswer, EmbeddingsRequest, Protocol};
use freehold_vocabulary::ports::OfferedModel;
use serde::Deserialize;

use super::wire::{Call, Reader, Said, Trouble, Unfit, Wire, json};

/// The protocol.
#[derive(Debug)]
pub(super) struct Gemini;

#[derive(Debug, Deserialize)]
struct List {
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    name: String,
    #[serde(default)]
    input_token_limit: Option<u64>,
}

impl Wire for Gemini {
    fn protocol(&self) -> Protocol {
        Protocol::Gemini
    }

    fn chat(&self, request: &ChatRequest) -> Result<Call, Unfit> {
        request::chat(request)
    }

    fn reader(&self, _request: &ChatRequest, ignored: Vec<String>) -> Box<dyn Reader> {
        Box::new(reader::GeminiReader::new(ignored))
    }

    fn embed(&self, request: &EmbeddingsRequest) -> Result<Call, Unfit> {
        embeddings::call(request)
    }

    fn embedded(
        &self,
        request: &EmbeddingsRequest,
        ignored: Vec<String>,
        body: &[u8],
    ) -> Result<EmbeddingsAnswer, Trouble> {
        embeddings::answer(request, ignored, body)
    }

    fn list_models(&self) -> Call {
        Call::get("/models?pageSize=1000")
    }

    fn models(&self, body: &[u8]) -> Result<Vec<OfferedModel>, Trouble> {
        let List { models } = json(body, "a list of models")?;
        let offered = models.into_iter().map(|it| OfferedModel {
            id: it.name.strip_prefix("models/").unwrap_or(&it.name).to_owned(),
            parent: None,
            context_tokens: it.input_token_limit,
        });
        Ok(offered.collect())
    }

    fn said(&self, status: u16, body: &[u8]) -> Said {
        reader::said(status, body)
    }
}

/// A model's name becomes a part of the path, so it must not leave its place there.
fn model_path(model: &str, action: &str) -> Result<String, Unfit> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if model.is_empty() || !model.bytes().all(allowed) || model.starts_with('.') {
        return Err(Unfit::new("a model of that name"));
    }
    Ok(format!("/models/{model}:{action}"))
}
