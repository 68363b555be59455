//! Every place of a request where a text can stand, for those who look into texts or rewrite them.
//!
//! The walk names every field of a request, so that a new one does not compile until somebody
//! has said whether a text can hide in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    ChatRequest, EmbeddingsInput, EmbeddingsRequest, Extras, ImageSource, Message,
    ModerationRequest, Part, ResponseFormat, Role, Tool, ToolChoice,
};

/// One place.
#[derive(Debug)]
pub struct Leaf<'a> {
    /// Who says it, of what is said in a conversation: identifiers may be cut in two between what
    /// one speaker says at one time and the next.
    pub speaker: Option<Role>,
    pub content: LeafContent<'a>,
}

/// What stands there.
#[derive(Debug)]
pub enum LeafContent<'a> {
    Text(&'a mut String),
    /// JSON that travels as text, or what a model believes to be JSON.
    JsonText(&'a mut String),
    Json(&'a mut Value),
    Fields(&'a mut Map<String, Value>),
    Pairs(&'a mut BTreeMap<String, String>),
    /// A word that must stay as it is, or nobody would understand the request: it can be looked
    /// into, not rewritten.
    Fixed(&'a str),
    /// Bytes in base 64 that are no text, though texts may stand in them.
    Bytes(&'a str),
    /// Nothing can be seen of it: what an engine fetches itself, numbers of tokens.
    Unseen,
}

impl LeafContent<'_> {
    /// How much there is to look into, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::JsonText(text) => text.len(),
            Self::Json(value) => json_bytes(value),
            Self::Fields(fields) => fields.iter().map(|(key, it)| key.len() + json_bytes(it)).sum(),
            Self::Pairs(pairs) => pairs.iter().map(|(key, it)| key.len() + it.len()).sum(),
            Self::Fixed(text) | Self::Bytes(text) => text.len(),
            Self::Unseen => 0,
        }
    }
}

fn json_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(json_bytes).sum(),
        Value::Object(fields) => fields.iter().map(|(key, it)| key.len() + json_bytes(it)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

/// A request whose texts can be reached.
pub trait Leaves {
    /// Every place where a text can stand, in the order of the request.
    fn leaves(&mut self) -> Vec<Leaf<'_>>;
}

impl Leaves for ChatRequest {
    fn leaves(&mut self) -> Vec<Leaf<'_>> {
        let Self {
            // The operator's word, not the caller's.
            model: _,
            system,
            messages,
            tools,
            tool_choice,
            parallel_tool_calls: _,
            response_format,
            sampling,
            reasoning: _,
            delivery: _,
            user,
            metadata,
            extras,
            // Says nothing of anybody.
            opening: _,
        } = self;
        let mut leaves = Vec::new();
        for part in system {
            of_part(part, Some(Role::System), &mut leaves);
        }
        for Message { role, parts, name } in messages {
            leaves.extend(name.iter_mut().map(|it| text(it, None)));
            for part in parts {
                of_part(part, Some(*role), &mut leaves);
            }
        }
        for tool in tools {
            of_tool(tool, &mut leaves);
        }
        if let ToolChoice::Tool(name) = tool_choice {
            leaves.push(fixed(name));
        }
        if let ResponseFormat::JsonSchema(format) = response_format {
            leaves.push(fixed(&format.name));
            leaves.extend(format.description.iter_mut().map(|it| text(it, None)));
            leaves.push(plain(LeafContent::Json(&mut format.schema)));
        }
        leaves.extend(sampling.stop.iter_mut().map(|it| text(it, None)));
        leaves.extend(user.iter_mut().map(|it| text(it, None)));
        leaves.push(plain(LeafContent::Pairs(metadata)));
        of_extras(extras, &mut leaves);
        leaves
    }
}

impl Leaves for EmbeddingsRequest {
    fn leaves(&mut self) -> Vec<Leaf<'_>> {
        let Self { model: _, inputs, dimensions: _, user, extras } = self;
        let inputs = inputs.iter_mut().map(|input| match input {
            EmbeddingsInput::Text(input) => text(input, None),
            EmbeddingsInput::Tokens(_) => plain(LeafContent::Unseen),
        });
        let mut leaves: Vec<Leaf<'_>> = inputs.collect();
        leaves.extend(user.iter_mut().map(|it| text(it, None)));
        of_extras(extras, &mut leaves);
        leaves
    }
}

impl Leaves for ModerationRequest {
    fn leaves(&mut self) -> Vec<Leaf<'_>> {
        let Self { model: _, inputs } = self;
        let mut leaves = Vec::new();
        for part in inputs.iter_mut().flatten() {
            of_part(part, Some(Role::User), &mut leaves);
        }
        leaves
    }
}

fn of_part<'a>(part: &'a mut Part, speaker: Option<Role>, leaves: &mut Vec<Leaf<'a>>) {
    match part {
        Part::Text { text: words } | Part::Refusal { text: words } => {
            leaves.push(text(words, speaker));
        }
        Part::Thinking { text: words, signature } => {
            leaves.push(text(words, speaker));
            leaves.extend(signature.iter().map(|it| fixed(it)));
        }
        Part::ToolUse(tool) => {
            leaves.push(fixed(&tool.id));
            leaves.push(fixed(&tool.name));
            leaves.extend(tool.signature.iter().map(|it| fixed(it)));
            leaves.push(plain(LeafContent::JsonText(&mut tool.arguments)));
        }
        Part::ToolResult { id, content, is_error: _ } => {
            leaves.push(fixed(id));
            for part in content {
                of_part(part, speaker, leaves);
            }
        }
        Part::Image { source, detail } => {
            leaves.extend(detail.iter().map(|it| fixed(it)));
            match source {
                ImageSource::Url { url } => {
                    leaves.push(text(url, None));
                    leaves.push(plain(LeafContent::Unseen));
                }
                ImageSource::Base64 { media_type, data } => {
                    leaves.push(fixed(media_type));
                    leaves.push(plain(LeafContent::Bytes(data)));
                }
            }
        }
        Part::RedactedThinking { data } => leaves.push(fixed(data)),
        Part::CachePoint { ttl } => leaves.extend(ttl.iter().map(|it| fixed(it))),
        Part::Foreign { protocol: _, value } => {
            leaves.push(plain(LeafContent::Json(value)));
            leaves.push(plain(LeafContent::Unseen));
        }
    }
}

fn of_tool<'a>(tool: &'a mut Tool, leaves: &mut Vec<Leaf<'a>>) {
    let Tool { name, description, parameters, strict: _, extras } = tool;
    leaves.push(fixed(name));
    leaves.extend(description.iter_mut().map(|it| text(it, None)));
    leaves.push(plain(LeafContent::Json(parameters)));
    of_extras(extras, leaves);
}

fn of_extras<'a>(extras: &'a mut Extras, leaves: &mut Vec<Leaf<'a>>) {
    leaves.extend(extras.fields_mut().map(|it| plain(LeafContent::Fields(it))));
}

fn text(words: &mut String, speaker: Option<Role>) -> Leaf<'_> {
    Leaf { speaker, content: LeafContent::Text(words) }
}

fn fixed(word: &str) -> Leaf<'_> {
    plain(LeafContent::Fixed(word))
}

fn plain(content: LeafContent<'_>) -> Leaf<'_> {
    Leaf { speaker: None, content }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{JsonSchema, Protocol, ToolUse};

    /// Every text of the request as it would be written, but for the words of enumerations.
    fn written(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::String(text) => all.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|it| written(it, all)),
            Value::Object(fields) => fields.iter().for_each(|(key, it)| {
                all.push(key.clone());
                written(it, all);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn seen(request: &mut impl Leaves) -> String {
        let leaves = request.leaves();
        let texts = leaves.iter().map(|leaf| match &leaf.content {
            LeafContent::Text(text) | LeafContent::JsonText(text) => (**text).clone(),
            LeafContent::Json(value) => value.to_string(),
            LeafContent::Fields(fields) => Value::Object((**fields).clone()).to_string(),
            LeafContent::Pairs(pairs) => json!(pairs).to_string(),
            LeafContent::Fixed(text) | LeafContent::Bytes(text) => (*text).to_owned(),
            LeafContent::Unseen => String::new(),
        });
        texts.collect::<Vec<String>>().join("\n")
    }

    fn extras(marker: &str) -> Extras {
        let mut extras = Extras::new();
        extras.insert(Protocol::OpenAi, format!("§{marker}.key"), json!([format!("§{marker}")]));
        extras
    }

    fn full() -> ChatRequest {
        let text = |it: &str| Part::text(format!("§{it}"));
        let mark = |it: &str| format!("§{it}");
        let image = ImageSource::Base64 { media_type: mark("media"), data: mark("data") };
        let url = ImageSource::Url { url: mark("url") };
        let parts = vec![
            text("text"),
            Part::Image { source: image, detail: Some(mark("detail")) },
            Part::ToolUse(ToolUse {
                id: mark("id"),
                name: mark("tool"),
                arguments: mark("arguments"),
                signature: Some(mark("signature")),
            }),
            Part::ToolResult {
                id: mark("result.id"),
                content: vec![text("result"), Part::Image { source: url, detail: None }],
                is_error: false,
            },
            Part::Thinking { text: mark("thought"), signature: Some(mark("thought.signature")) },
            Part::RedactedThinking { data: mark("sealed") },
            Part::Refusal { text: mark("refusal") },
            Part::CachePoint { ttl: Some(mark("ttl")) },
            Part::Foreign { protocol: Protocol::Anthropic, value: json!({ "§key": "§foreign" }) },
        ];
        let mut request = ChatRequest {
            system: vec![text("system")],
            messages: vec![Message { role: Role::User, parts, name: Some(mark("name")) }],
            tools: vec![Tool {
                name: mark("function"),
                description: Some(mark("description")),
                parameters: json!({ "§property": "§schema" }),
                strict: None,
                extras: extras("tool.extra"),
            }],
            tool_choice: ToolChoice::Tool(mark("choice")),
            response_format: ResponseFormat::JsonSchema(JsonSchema {
                name: mark("format"),
                description: Some(mark("format.description")),
                schema: json!({ "§format.property": "§format.schema" }),
                strict: None,
            }),
            user: Some(mark("user")),
            metadata: [(mark("meta.key"), mark("meta"))].into(),
            extras: extras("extra"),
            ..ChatRequest::default()
        };
        request.sampling.stop.push(mark("stop"));
        request
    }

    #[test]
    fn no_text_of_a_request_is_passed_over() {
        let mut request = full();
        let mut all = Vec::new();
        written(&serde_json::to_value(&request).unwrap(), &mut all);
        let seen = seen(&mut request);
        let marked: Vec<&String> = all.iter().filter(|it| it.starts_with('§')).collect();
        assert_eq!(marked.len(), 37, "{marked:?}");
        for text in marked {
            assert!(seen.contains(text.as_str()), "{text} in {seen}");
        }
        let mut embeddings = EmbeddingsRequest {
            inputs: vec![
                EmbeddingsInput::Text("§input".to_owned()),
                EmbeddingsInput::Tokens(vec![1]),
            ],
            user: Some("§user".to_owned()),
            extras: extras("extra"),
            ..EmbeddingsRequest::default()
        };
        let seen = self::seen(&mut embeddings);
        for text in ["§input", "§user", "§extra.key", "§extra"] {
            assert!(seen.contains(text), "{text} in {seen}");
        }
        let unseen = |it: &Leaf<'_>| matches!(it.content, LeafContent::Unseen);
        assert_eq!(embeddings.leaves().iter().filter(|it| unseen(it)).count(), 1);
    }
}
