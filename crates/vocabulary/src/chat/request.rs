//! What a caller wants from a model.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Extras, Message, Part, Tool, ToolChoice};

/// A request for a generation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The name by which the engine knows the model. Routing sets it for each engine.
    pub model: String,
    /// The system prompt: texts and cache points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<Part>,
    pub messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    #[serde(default)]
    pub tool_choice: ToolChoice,
    /// Whether the model may ask for several tools at once; unsaid leaves it to the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    #[serde(default)]
    pub response_format: ResponseFormat,
    #[serde(default)]
    pub sampling: Sampling,
    #[serde(default)]
    pub reasoning: Reasoning,
    /// How the caller wants the answer, which is how the engine is asked for it.
    #[serde(default)]
    pub delivery: Delivery,
    #[serde(default, skip_serializing_if = "Opening::is_new")]
    pub opening: Opening,
    /// The end user, for the provider's abuse detection. A wish; may itself be sensitive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Extras::is_empty")]
    pub extras: Extras,
}

impl ChatRequest {
    /// Every text that would leave with the request, for detectors and estimates.
    pub fn each_text<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        self.system.iter().for_each(|it| it.each_text(see));
        for message in &self.messages {
            message.name.iter().for_each(|it| see(it));
            message.parts.iter().for_each(|it| it.each_text(see));
        }
        for tool in &self.tools {
            see(&tool.name);
            tool.description.iter().for_each(|it| see(it));
        }
        self.user.iter().for_each(|it| see(it));
        for (key, value) in &self.metadata {
            see(key);
            see(value);
        }
    }
}

/// Where the answer begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Opening {
    #[default]
    New,
    /// The last message is the beginning of the answer; only what comes after it is wanted.
    /// Engines that cannot go on refuse the request.
    Resume,
}

impl Opening {
    fn is_new(&self) -> bool {
        *self == Self::New
    }
}

/// The form of the text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON that follows a schema.
    JsonSchema(JsonSchema),
}

/// A named JSON Schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JsonSchema {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub schema: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// How tokens are drawn. What is unsaid is the engine's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// How many choices; unsaid means one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// Log-probabilities of the chosen tokens, and of so many alternatives (0 is allowed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<u32>,
}

/// How hard the model should think before it answers. A wish.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasoning {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Tokens to think with at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u32>,
}

/// A degree of thinking, in the words that OpenAI and Anthropic share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl Effort {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// Whether the engine is asked to stream. The events mean the same either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    #[default]
    Whole,
    Streamed,
}
