//! What happens while a model answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Protocol, Usage};

/// One step of an answer. Order: `Started` first and once; then, for every choice, its content
/// and one `Finished`, choices interleaved as they come; `Usage` and `Extra` anywhere between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ChatEvent {
    Started {
        /// The engine's name for this answer; may be empty.
        id: String,
        /// The model that answers, as the engine says.
        model: String,
        /// Wishes of the request that this engine could not fulfil, by name.
        ignored: Vec<String>,
    },
    TextDelta {
        choice: u32,
        text: String,
    },
    RefusalDelta {
        choice: u32,
        text: String,
    },
    ThinkingDelta {
        choice: u32,
        text: String,
    },
    /// Ends a stretch of thinking with the provider's signature.
    ThinkingSigned {
        choice: u32,
        signature: String,
    },
    ThinkingRedacted {
        choice: u32,
        data: String,
    },
    ToolCallStarted {
        choice: u32,
        /// Counts the calls of this choice from 0, without gaps.
        call: u32,
        id: String,
        name: String,
        signature: Option<String>,
    },
    /// A piece of the arguments' JSON. Pieces of several calls may alternate.
    ToolCallArguments {
        choice: u32,
        call: u32,
        fragment: String,
    },
    ToolCallEnded {
        choice: u32,
        call: u32,
    },
    LogProbs {
        choice: u32,
        tokens: Vec<TokenLogProb>,
    },
    /// All tokens so far; a later one replaces an earlier one.
    Usage(Usage),
    /// A value of the answer that only one protocol has, such as `system_fingerprint`.
    Extra {
        protocol: Protocol,
        name: String,
        value: Value,
    },
    Finished {
        choice: u32,
        reason: StopReason,
    },
}

/// Why a choice ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stop", rename_all = "snake_case")]
pub enum StopReason {
    /// The model was done.
    EndTurn,
    /// The model wrote one of the stop sequences, if the engine says which.
    StopSequence { sequence: Option<String> },
    /// `max_tokens` or the end of the context.
    MaxTokens,
    /// The caller must run tools.
    ToolCalls,
    /// The provider's filter cut the answer.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// A reason that has no common name, in the provider's word.
    Other { name: String },
}

/// The log-probability of one token of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenLogProb {
    pub token: String,
    pub logprob: f64,
    /// UTF-8 bytes, where a token is not a whole text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Vec<u8>>,
    /// What else might have come, the most likely first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<TokenAlternative>,
}

/// A token that might have come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenAlternative {
    pub token: String,
    pub logprob: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Vec<u8>>,
}
