//! Texts as vectors.

use serde::{Deserialize, Serialize};

use super::{Extras, Usage};

/// A request for vectors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingsRequest {
    /// The name by which the engine knows the model.
    pub model: String,
    pub inputs: Vec<EmbeddingsInput>,
    /// Shorter vectors, where the model can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Extras::is_empty")]
    pub extras: Extras,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EmbeddingsInput {
    Text(String),
    /// Token numbers of the model's own tokenizer.
    Tokens(Vec<u32>),
}

/// One vector per input, in order, all of one length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingsAnswer {
    pub model: String,
    pub embeddings: Vec<Vec<f32>>,
    /// `None` if the engine did not say.
    pub usage: Option<Usage>,
    /// Wishes that the engine could not fulfil, by name.
    pub ignored: Vec<String>,
}
