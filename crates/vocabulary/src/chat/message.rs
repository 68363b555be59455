//! Messages and the parts they are made of.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Protocol;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions in the middle of a conversation (OpenAI's `system` and `developer` after the
    /// first message). Engines without them add the text to the system prompt.
    System,
    /// The person or the program. Also carries the results of tools.
    User,
    /// The model.
    Assistant,
}

/// One turn, or a part of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
    /// The speaker's name, where a protocol has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Message {
    /// A message of one text.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, parts: vec![Part::text(text)], name: None }
    }
}

/// A piece of content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    Text {
        text: String,
    },
    Image {
        source: ImageSource,
        /// OpenAI's `low`, `high` or `auto`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The model asks for a tool.
    ToolUse(ToolUse),
    /// What a tool gave back, in a message of the user.
    ToolResult {
        /// The `id` of the tool use.
        id: String,
        /// Texts and images.
        content: Vec<Part>,
        is_error: bool,
    },
    /// What the model thought, to be given back as it was.
    Thinking {
        text: String,
        /// The provider's proof that it wrote this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// Thoughts that only the provider can read.
    RedactedThinking {
        data: String,
    },
    /// The model declined, in words.
    Refusal {
        text: String,
    },
    /// Everything up to here may be kept by the engine for the next request. Only a wish.
    CachePoint {
        /// How long, in the protocol's words (`5m`, `1h`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl: Option<String>,
    },
    /// A part that only one protocol knows (documents, audio), in its own JSON. Engines of
    /// another protocol refuse the request.
    Foreign {
        protocol: Protocol,
        value: Value,
    },
}

impl Part {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The words in this part that a reader sees, for detectors and estimates; tool arguments
    /// and results included, images not.
    pub fn each_text<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Text { text } | Self::Thinking { text, .. } | Self::Refusal { text } => see(text),
            Self::ToolUse(tool) => see(&tool.arguments),
            Self::ToolResult { content, .. } => content.iter().for_each(|it| it.each_text(see)),
            Self::Foreign { value, .. } => each_string(value, see),
            Self::Image { .. } | Self::RedactedThinking { .. } | Self::CachePoint { .. } => {}
        }
    }
}

/// Keys and values alike: an identifier hides as well in a key.
fn each_string<'a>(value: &'a Value, see: &mut dyn FnMut(&'a str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|it| each_string(it, see)),
        Value::Object(fields) => fields.iter().for_each(|(key, it)| {
            see(key);
            each_string(it, see);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A request of the model to use a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// Unique in the conversation; the result names it.
    pub id: String,
    pub name: String,
    /// JSON as the model wrote it, which may be no JSON at all. Empty means no arguments.
    pub arguments: String,
    /// The provider's proof that the model thought before it asked (Gemini's
    /// `thoughtSignature`), to be given back as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ImageSource {
    /// The engine fetches it; Freehold never does.
    Url { url: String },
    /// Standard base 64 with padding, as received.
    Base64 { media_type: String, data: String },
}

impl ImageSource {
    /// A `data:` URL holds the image; any other is fetched by the engine, never here.
    #[must_use]
    pub fn of_url(url: String) -> Self {
        let inline = url.strip_prefix("data:").and_then(|it| it.split_once(";base64,"));
        match inline {
            Some((media_type, data)) => {
                Self::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
            }
            None => Self::Url { url },
        }
    }
}
