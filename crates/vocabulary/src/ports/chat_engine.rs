//! Something that generates texts or vectors, here or elsewhere.

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;

use crate::EngineName;
use crate::chat::{
    Attempt, ChatError, ChatEvent, ChatRequest, EmbeddingsAnswer, EmbeddingsRequest,
    ModerationAnswer, ModerationRequest, Protocol,
};
use crate::egress::{Cleared, EngineClearance};

/// The events of one answer, in the order that [`ChatEvent`] states. After an error nothing
/// comes. Dropping the stream cancels the work upstream.
pub type ChatStream = Pin<Box<dyn Stream<Item = Result<ChatEvent, ChatError>> + Send>>;

/// What a generating engine is.
#[derive(Debug, Clone)]
pub struct ChatEngineCard {
    /// Who it is, where it is and what it may be told.
    pub clearance: EngineClearance,
    /// Whose words it speaks; extras of this protocol reach it.
    pub protocol: Protocol,
    /// The provider's row in the table of differences, such as `vllm`.
    pub provider: &'static str,
}

impl ChatEngineCard {
    /// The engine's name.
    #[must_use]
    pub const fn name(&self) -> &EngineName {
        &self.clearance.engine
    }
}

/// A model that an engine offers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OfferedModel {
    pub id: String,
    /// The base model, for an adapter.
    pub parent: Option<String>,
    /// Tokens of context, where the engine says.
    pub context_tokens: Option<u64>,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Health {
    /// The engine's own version, where it has one.
    pub version: Option<String>,
    /// What was asked, such as `GET /health`.
    pub probe: String,
}

/// Whether an engine goes on with an answer that was cut off, given its beginning
/// ([`crate::chat::Opening::Resume`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resuming {
    No,
    Yes,
}

/// How busy a model server says it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Load {
    /// Requests being answered, whoever asked.
    pub running: u32,
    pub waiting: u32,
    /// Share of the room for keys and values that is taken, where it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_used: Option<f64>,
}

/// Something that generates. An error that is known before the first event is returned by the
/// call itself; one that comes later ends the stream.
#[async_trait]
pub trait ChatEngine: Send + Sync + fmt::Debug {
    fn card(&self) -> &ChatEngineCard;
    /// Generates. Dropping the future or the stream stops the work.
    async fn chat(&self, request: Cleared<ChatRequest>) -> Result<ChatStream, ChatError>;
    /// One vector per input, in order.
    async fn embed(
        &self,
        request: Cleared<EmbeddingsRequest>,
    ) -> Result<EmbeddingsAnswer, ChatError>;
    /// One judgement per input, in order. Few engines can.
    async fn moderate(
        &self,
        _request: Cleared<ModerationRequest>,
    ) -> Result<ModerationAnswer, ChatError> {
        let engine = self.card().name().clone();
        Err(ChatError::Unsupported { engine, what: "moderations".to_owned() })
    }
    /// What it offers now. Sends no data of anybody.
    async fn models(&self) -> Result<Vec<OfferedModel>, ChatError>;
    /// Whether it can be asked now. Sends no data of anybody.
    async fn health(&self) -> Result<Health, ChatError>;
    /// Whether it goes on with an answer that was cut off.
    fn resumes(&self) -> Resuming {
        Resuming::No
    }
    /// How busy it is; none where it does not say.
    async fn load(&self) -> Result<Option<Load>, ChatError> {
        Ok(None)
    }
}

/// Receives every try, so that its cost is counted. Must be quick and must not fail.
pub trait AttemptLog: Send + Sync + fmt::Debug {
    fn record(&self, attempt: Attempt);
}
