//! OpenAI's chat completions and embeddings, and the dialects of those who speak likewise.

mod content;
mod embeddings;
mod models;
mod moderations;
mod reader;
mod request;

use freehold_vocabulary::chat::{
    ChatRequest, EmbeddingsAnswer, EmbeddingsRequest, ModerationAnswer, ModerationRequest, Protocol,
};
use freehold_vocabulary::ports::OfferedModel;

use super::wire::{Call, Reader, Said, Trouble, Unfit, Wire};

pub use super::wire::Resumes;

/// What a server that speaks like OpenAI does differently.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Whether it chats at all.
    pub chat: bool,
    pub embeddings: bool,
    /// Whether it judges what is harmful, with models made for that.
    pub moderations: bool,
    /// Choices per request.
    pub choices_max: u32,
    pub max_tokens_field: &'static str,
    /// `None`: it has no seed.
    pub seed_field: Option<&'static str>,
    pub top_k: bool,
    pub penalties: bool,
    pub logprobs: bool,
    pub images: bool,
    /// Whether it fetches images itself.
    pub image_urls: bool,
    pub json: JsonForm,
    /// Whether a tool can be demanded or forbidden.
    pub tool_choice: bool,
    /// The word that demands some tool.
    pub required_word: &'static str,
    pub parallel_tool_calls: bool,
    pub reasoning_effort: bool,
    /// The field in which thoughts are given back; `None`: they are not.
    pub thinking_back: Option<&'static str>,
    /// Whether tokens of thinking are missing from those of the answer.
    pub reasoning_beside_output: bool,
    pub stream_usage: StreamUsage,
    pub resumes: Resumes,
    pub user: bool,
    pub metadata: bool,
}

/// When a stream says what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamUsage {
    /// Unasked.
    ByItself,
    AtTheEnd,
    /// With every piece, so that also a broken stream is counted exactly.
    Continuous,
}

/// How a form of the text is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonForm {
    /// `json_object`, and `json_schema` with a name.
    Named,
    /// `json_object` only.
    ObjectOnly,
    /// `json_object`, and the schema as `value`.
    Value,
}

impl Dialect {
    /// OpenAI itself.
    pub const OPENAI: Self = Self {
        chat: true,
        embeddings: true,
        moderations: false,
        choices_max: 128,
        max_tokens_field: "max_completion_tokens",
        seed_field: Some("seed"),
        top_k: false,
        penalties: true,
        logprobs: true,
        images: true,
        image_urls: true,
        json: JsonForm::Named,
        tool_choice: true,
        required_word: "required",
        parallel_tool_calls: true,
        reasoning_effort: true,
        thinking_back: None,
        reasoning_beside_output: false,
        stream_usage: StreamUsage::AtTheEnd,
        resumes: Resumes::No,
        user: true,
        metadata: true,
    };

    /// What servers that anyone may run have in common.
    pub const SELF_HOSTED: Self = Self {
        max_tokens_field: "max_tokens",
        top_k: true,
        reasoning_effort: false,
        metadata: false,
        ..Self::OPENAI
    };
}

/// The protocol in a dialect.
#[derive(Debug)]
pub(super) struct OpenAi(pub(super) Dialect);

impl Wire for OpenAi {
    fn protocol(&self) -> Protocol {
        Protocol::OpenAi
    }

    fn resumes(&self) -> Resumes {
        self.0.resumes
    }

    fn chat(&self, request: &ChatRequest) -> Result<Call, Unfit> {
        request::chat(&self.0, request)
    }

    fn reader(&self, request: &ChatRequest, ignored: Vec<String>) -> Box<dyn Reader> {
        Box::new(reader::OpenAiReader::new(self.0, request.sampling.n.unwrap_or(1), ignored))
    }

    fn embed(&self, request: &EmbeddingsRequest) -> Result<Call, Unfit> {
        embeddings::call(&self.0, request)
    }

    fn embedded(
        &self,
        request: &EmbeddingsRequest,
        ignored: Vec<String>,
        body: &[u8],
    ) -> Result<EmbeddingsAnswer, Trouble> {
        embeddings::answer(request, ignored, body)
    }

    fn moderate(&self, request: &ModerationRequest) -> Result<Call, Unfit> {
        moderations::call(&self.0, request)
    }

    fn moderated(
        &self,
        request: &ModerationRequest,
        body: &[u8],
    ) -> Result<ModerationAnswer, Trouble> {
        moderations::answer(request, body)
    }

    fn list_models(&self) -> Call {
        Call::get("/models")
    }

    fn models(&self, body: &[u8]) -> Result<Vec<OfferedModel>, Trouble> {
        models::offered(body)
    }

    fn said(&self, status: u16, body: &[u8]) -> Said {
        reader::said(status, body)
    }
}
