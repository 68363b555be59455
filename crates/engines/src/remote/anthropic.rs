//! Anthropic's messages.

mod reader;
mod request;

use freehold_vocabulary::chat::{ChatRequest, EmbeddingsAnswer, EmbeddingsRequest, Protocol};
use freehold_vocabulary::ports::OfferedModel;
use serde::Deserialize;

use super::wire::{Call, Reader, Said, Trouble, Unfit, Wire, json};

/// The protocol.
#[derive(Debug)]
pub(super) struct Anthropic;

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Debug, Deserialize)]
struct Model {
    id: String,
    #[serde(default)]
    max_input_tokens: Option<u64>,
}

impl Wire for Anthropic {
    fn protocol(&self) -> Protocol {
        Protocol::Anthropic
    }

    fn chat(&self, request: &ChatRequest) -> Result<Call, Unfit> {
        request::chat(request)
    }

    fn reader(&self, _request: &ChatRequest, ignored: Vec<String>) -> Box<dyn Reader> {
        Box::new(reader::AnthropicReader::new(ignored))
    }

    fn embed(&self, _request: &EmbeddingsRequest) -> Result<Call, Unfit> {
        Err(Unfit::new("embeddings"))
    }

    fn embedded(
        &self,
        _request: &EmbeddingsRequest,
        _ignored: Vec<String>,
        _body: &[u8],
    ) -> Result<EmbeddingsAnswer, Trouble> {
        Err(Trouble::unreadable("Anthropic has no embeddings"))
    }

    fn list_models(&self) -> Call {
        Call::get("/models?limit=1000")
    }

    fn models(&self, body: &[u8]) -> Result<Vec<OfferedModel>, Trouble> {
        let List { data } = json(body, "a list of models")?;
        let offered = data.into_iter().map(|it| OfferedModel {
            id: it.id,
            parent: None,
            context_tokens: it.max_input_tokens,
        });
        Ok(offered.collect())
    }

    fn said(&self, status: u16, body: &[u8]) -> Said {
        reader::said(status, body)
    }
}
