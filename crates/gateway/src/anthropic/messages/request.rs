//! Anthropic's request in our own words.

use freehold_vocabulary::chat::{
    ChatRequest, Effort, Extras, ImageSource, Message, Part, Protocol, Role, Tool, ToolChoice,
    ToolUse,
};
use serde::Deserialize;
use serde_json::Value;

use super::MessagesRequest;
use crate::app::shown;
use crate::error::ApiError;
use crate::openai::read::{Parameters, read};

/// A request of a generating model. The model's name is set for each engine later.
///
/// # Errors
/// When something has a form that the protocol does not have.
pub(crate) fn translated(sent: MessagesRequest) -> Result<ChatRequest, ApiError> {
    let mut request = ChatRequest { delivery: sent.delivery(), ..ChatRequest::default() };
    let mut others = Parameters::new(sent.others);
    for (place, it) in sent.messages.into_iter().enumerate() {
        let role = match it.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            other => {
                let message = format!(
                    "the role of `messages[{place}]` is `{}`; it is user or assistant, and `system` is a field of its own",
                    shown(other)
                );
                return Err(ApiError::invalid_field("messages", message));
            }
        };
        let parts = blocks("messages", it.content)?;
        request.messages.push(Message { role, parts, name: None });
    }
    if let Some(system) = others.take_value("system") {
        request.system = blocks("system", system)?;
    }
    request.sampling.max_tokens = sent.max_tokens;
    request.sampling.temperature = others.take("temperature")?;
    request.sampling.top_p = others.take("top_p")?;
    request.sampling.top_k = others.take("top_k")?;
    request.sampling.stop = others.take("stop_sequences")?.unwrap_or_default();
    metadata(&mut others, &mut request)?;
    request.tools = tools(&mut others)?;
    tool_choice(&mut others, &mut request)?;
    thinking(&mut others, &mut request)?;
    for (name, value) in others.rest() {
        request.extras.insert(Protocol::Anthropic, name, value);
    }
    Ok(request)
}

fn blocks(field: &'static str, value: Value) -> Result<Vec<Part>, ApiError> {
    let values = match value {
        Value::String(text) => return Ok(vec![Part::text(text)]),
        Value::Array(values) => values,
        _ => {
            let message = format!("a content of `{field}` is neither a text nor a list of blocks");
            return Err(ApiError::invalid_field(field, message));
        }
    };
    let mut parts = Vec::with_capacity(values.len());
    for mut value in values {
        let point = value.as_object_mut().and_then(|it| it.remove("cache_control"));
        parts.push(block(field, value)?);
        if let Some(point) = point.filter(|it| !it.is_null()) {
            let ttl = point.get("ttl").and_then(Value::as_str).map(str::to_owned);
            parts.push(Part::CachePoint { ttl });
        }
    }
    Ok(parts)
}

fn block(field: &'static str, value: Value) -> Result<Part, ApiError> {
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Known {
        Text {
            text: String,
        },
        Image {
            source: Source,
        },
        ToolUse {
            id: String,
            name: String,
            input: Value,
        },
        ToolResult {
            tool_use_id: String,
            content: Option<Value>,
            #[serde(default)]
            is_error: Option<bool>,
        },
        Thinking {
            thinking: String,
            signature: Option<String>,
        },
        RedactedThinking {
            data: String,
        },
    }
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Source {
        Base64 { media_type: String, data: String },
        Url { url: String },
    }
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    const KNOWN: [&str; 6] =
        ["text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking"];
    if kind.is_empty() {
        let message = format!("a block of `{field}` has no `type`");
        return Err(ApiError::invalid_field(field, message));
    }
    if !KNOWN.contains(&kind) {
        return Ok(Part::Foreign { protocol: Protocol::Anthropic, value });
    }
    Ok(match read::<Known>(field, value)? {
        Known::Text { text } => Part::Text { text },
        Known::Image { source: Source::Base64 { media_type, data } } => {
            Part::Image { source: ImageSource::Base64 { media_type, data }, detail: None }
        }
        Known::Image { source: Source::Url { url } } => {
            Part::Image { source: ImageSource::Url { url }, detail: None }
        }
        Known::ToolUse { id, name, input } => {
            Part::ToolUse(ToolUse { id, name, arguments: input.to_string(), signature: None })
        }
        Known::ToolResult { tool_use_id, content, is_error } => Part::ToolResult {
            id: tool_use_id,
            content: content.map_or(Ok(Vec::new()), |it| blocks(field, it))?,
            is_error: is_error.unwrap_or(false),
        },
        Known::Thinking { thinking, signature } => Part::Thinking { text: thinking, signature },
        Known::RedactedThinking { data } => Part::RedactedThinking { data },
    })
}

fn metadata(others: &mut Parameters, request: &mut ChatRequest) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Metadata {
        user_id: Option<String>,
    }
    request.user = others.take::<Metadata>("metadata")?.and_then(|it| it.user_id);
    Ok(())
}

fn tools(others: &mut Parameters) -> Result<Vec<Tool>, ApiError> {
    #[derive(Deserialize)]
    struct Sent {
        r#type: Option<String>,
        name: String,
        description: Option<String>,
        input_schema: Option<Value>,
        strict: Option<bool>,
        cache_control: Option<Value>,
    }
    let sent: Vec<Sent> = others.take("tools")?.unwrap_or_default();
    let tools = sent.into_iter().map(|it| {
        let own = it.r#type.as_deref().is_none_or(|kind| kind == "custom");
        let Some(parameters) = it.input_schema.filter(|_| own) else {
            let reason = format!(
                "`tools`: `{}` is not a tool of the caller's own with an `input_schema`",
                shown(&it.name)
            );
            return Err(ApiError::UnsupportedParameter { param: "tools".to_owned(), reason });
        };
        let mut extras = Extras::new();
        if let Some(point) = it.cache_control {
            extras.insert(Protocol::Anthropic, "cache_control", point);
        }
        let Sent { name, description, strict, .. } = it;
        Ok(Tool { name, description, parameters, strict, extras })
    });
    tools.collect()
}

fn tool_choice(others: &mut Parameters, request: &mut ChatRequest) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    struct Sent {
        r#type: String,
        name: Option<String>,
        disable_parallel_tool_use: Option<bool>,
    }
    let Some(sent) = others.take::<Sent>("tool_choice")? else { return Ok(()) };
    request.parallel_tool_calls = sent.disable_parallel_tool_use.map(|it| !it);
    request.tool_choice = match (sent.r#type.as_str(), sent.name) {
        ("auto", _) => ToolChoice::Auto,
        ("any", _) => ToolChoice::Required,
        ("none", _) => ToolChoice::None,
        ("tool", Some(name)) => ToolChoice::Tool(name),
        _ => {
            let reason = "`tool_choice` is auto, any, none, or tool with a name".to_owned();
            return Err(ApiError::UnsupportedParameter { param: "tool_choice".to_owned(), reason });
        }
    };
    Ok(())
}

fn thinking(others: &mut Parameters, request: &mut ChatRequest) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    struct Sent {
        r#type: String,
        budget_tokens: Option<u32>,
    }
    let Some(value) = others.take_value("thinking") else { return Ok(()) };
    let sent: Sent = read("thinking", value.clone())?;
    match sent.r#type.as_str() {
        "enabled" => request.reasoning.budget_tokens = sent.budget_tokens,
        "disabled" => request.reasoning.effort = Some(Effort::None),
        // Newer forms are for engines that speak this protocol.
        _ => request.extras.insert(Protocol::Anthropic, "thinking", value),
    }
    Ok(())
}
