//! Something in this process that turns texts into vectors whose directions can be compared.
//!
//! For routing, recognition and caches: what they compare never leaves the process. Vectors that
//! clients ask for come from a `ChatEngine`.

use std::fmt;

use async_trait::async_trait;

use crate::Digest;
use crate::ports::EngineError;

/// What an embedder is. Vectors of two embedders can be compared only if their cards are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedderCard {
    /// How people name it, such as `all-minilm-l6-v2`.
    pub name: String,
    /// The digest of everything that the vectors depend on beside the text. What was fitted on
    /// vectors keeps it, and lapses with it.
    pub version: Digest,
    /// Numbers of a vector.
    pub width: usize,
}

/// Embeds texts. Deterministic: a text gives the same bits in any company. Dropping the future
/// stops the work.
#[async_trait]
pub trait Embedder: Send + Sync + fmt::Debug {
    fn card(&self) -> &EmbedderCard;
    /// One vector per text, in order, each of length one, so that the dot product of two is their
    /// cosine. A text longer than the model reads is cut. More texts than there is room for are
    /// refused as [`EngineError::Busy`].
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EngineError>;
}
