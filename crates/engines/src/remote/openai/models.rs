//! The list of models in OpenAI's words, with what vLLM adds.

use freehold_vocabulary::ports::OfferedModel;
use serde::Deserialize;

use crate::remote::wire::{Trouble, json};

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum List {
    Wrapped {
        data: Vec<Model>,
    },
    /// Together sends the bare list.
    Bare(Vec<Model>),
}

#[derive(Debug, Deserialize)]
struct Model {
    id: String,
    /// vLLM: the base of an adapter.
    #[serde(default)]
    parent: Option<String>,
    /// vLLM.
    #[serde(default)]
    max_model_len: Option<u64>,
    /// OpenRouter, Together, Groq (as `context_window`).
    #[serde(default, alias = "context_window")]
    context_length: Option<u64>,
}

pub(super) fn offered(body: &[u8]) -> Result<Vec<OfferedModel>, Trouble> {
    let models = match json(body, "a list of models")? {
        List::Wrapped { data } | List::Bare(data) => data,
    };
    let offered = models.into_iter().map(|it| OfferedModel {
        id: it.id,
        parent: it.parent,
        context_tokens: it.max_model_len.or(it.context_length),
    });
    Ok(offered.collect())
}
