//! What a protocol is: pure translation between our words and bytes. No protocol does IO.

use std::fmt;

use freehold_vocabulary::chat::{
    ChatEvent, ChatRequest, EmbeddingsAnswer, EmbeddingsRequest, ModerationAnswer,
    ModerationRequest, Protocol,
};
use freehold_vocabulary::ports::OfferedModel;
use serde_json::Value;

/// A call to make: everything but the address of the server and the key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// Below the engine's base address, with its query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// None for a GET.
    pub(crate) body: Option<Value>,
    /// Wishes of the request that were left out.
    pub(crate) ignored: Vec<String>,
    pub(crate) door: Door,
}

/// Which address of an engine a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Where models answer.
    Data,
    /// Where an account is managed, for the providers that part the two.
    Control,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            headers: Vec::new(),
            body: None,
            ignored: Vec::new(),
            door: Door::Data,
        }
    }
}

/// Whether an engine goes on with an answer whose beginning is the last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumes {
    No,
    /// It does so by itself.
    Always,
    /// If it is told (`continue_final_message`).
    WhenTold,
}

/// The engine cannot do what the request asks; says what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) String);

impl Unfit {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is not what the protocol says.
    Unreadable(String),
    /// It ends too early.
    Cut(String),
    /// The engine reports an error in the middle of its answer.
    Said(Said),
}

impl Trouble {
    pub(crate) fn unreadable(what: impl fmt::Display) -> Self {
        Self::Unreadable(what.to_string())
    }
}

/// An error in the engine's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The HTTP status, or the one that fits.
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    /// How long to wait, where the body says so.
    pub(crate) retry_after_ms: Option<u64>,
}

/// One protocol.
pub(crate) trait Wire: Send + Sync + fmt::Debug {
    fn protocol(&self) -> Protocol;
    /// Whether an engine goes on with an answer that another began.
    fn resumes(&self) -> Resumes {
        Resumes::No
    }
    fn chat(&self, request: &ChatRequest) -> Result<Call, Unfit>;
    /// Reads the answer to `request`, which left out `ignored`.
    fn reader(&self, request: &ChatRequest, ignored: Vec<String>) -> Box<dyn Reader>;
    fn embed(&self, request: &EmbeddingsRequest) -> Result<Call, Unfit>;
    fn embedded(
        &self,
        request: &EmbeddingsRequest,
        ignored: Vec<String>,
        body: &[u8],
    ) -> Result<EmbeddingsAnswer, Trouble>;
    /// Few protocols judge harm.
    fn moderate(&self, _request: &ModerationRequest) -> Result<Call, Unfit> {
        Err(Unfit::new("moderations"))
    }
    fn moderated(
        &self,
        _request: &ModerationRequest,
        _body: &[u8],
    ) -> Result<ModerationAnswer, Trouble> {
        Err(Trouble::unreadable("the protocol has no moderations"))
    }
    fn list_models(&self) -> Call;
    fn models(&self, body: &[u8]) -> Result<Vec<OfferedModel>, Trouble>;
    /// The error that a body with a status of 400 or more carries.
    fn said(&self, status: u16, body: &[u8]) -> Said;
}

/// Turns one answer into events. A whole answer goes through the same steps as a streamed one,
/// so that they cannot differ.
pub(crate) trait Reader: Send {
    /// The data of one event of the stream, by its name.
    fn piece(&mut self, name: &str, data: &str) -> Result<Vec<ChatEvent>, Trouble>;
    /// The body of a whole answer.
    fn whole(&mut self, body: &[u8]) -> Result<Vec<ChatEvent>, Trouble>;
    /// The server sends no more. Fails if something is missing.
    fn end(&mut self) -> Result<Vec<ChatEvent>, Trouble>;
    /// Whether the protocol's own end mark has come.
    fn is_done(&self) -> bool;
}

/// Reads JSON, naming what it should have been.
pub(crate) fn json<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Trouble> {
    serde_json::from_slice(bytes).map_err(|error| {
        let start: String = String::from_utf8_lossy(bytes).chars().take(60).collect();
        Trouble::Unreadable(format!("{what} expected, got `{start}`: {error}"))
    })
}
