//! OpenAI's chat request in our own words.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{
    ChatRequest, Delivery, Effort, Extras, ImageSource, JsonSchema, Message, Part, Protocol,
    Reasoning, ResponseFormat, Role, Sampling, Tool, ToolChoice, ToolUse,
};
use serde::Deserialize;
use serde_json::Value;

use super::Message as Sent;
use crate::app::shown;
use crate::error::ApiError;
use crate::openai::read::{Parameters, read, texts};

/// A request of a generating model. The model's name is set for each engine later.
///
/// # Errors
/// When something has a form that the protocol does not have.
pub(crate) fn translated(
    messages: Vec<Sent>,
    others: BTreeMap<String, Value>,
    delivery: Delivery,
) -> Result<ChatRequest, ApiError> {
    let mut others = Parameters::new(others);
    let (system, messages) = conversation(messages)?;
    let mut request = ChatRequest { system, messages, delivery, ..ChatRequest::default() };
    request.tools = tools(&mut others)?;
    request.tool_choice = tool_choice(&mut others)?;
    request.parallel_tool_calls = others.take("parallel_tool_calls")?;
    request.response_format = response_format(&mut others)?;
    request.sampling = sampling(&mut others)?;
    request.sampling.logprobs = logprobs(&mut others)?;
    request.reasoning =
        Reasoning { effort: others.take::<Effort>("reasoning_effort")?, budget_tokens: None };
    request.user = others.take("user")?;
    request.metadata = others.take("metadata")?.unwrap_or_default();
    for old in ["functions", "function_call"] {
        if others.take_value(old).is_some() {
            let reason = format!("`{old}` was replaced by `tools` and `tool_choice`");
            return Err(ApiError::UnsupportedParameter { param: old.to_owned(), reason });
        }
    }
    for (name, value) in others.rest() {
        request.extras.insert(Protocol::OpenAi, name, value);
    }
    Ok(request)
}

/// How tokens are drawn, in the words that all of OpenAI's text endpoints share.
///
/// # Errors
/// When a value has another form.
pub(crate) fn sampling(others: &mut Parameters) -> Result<Sampling, ApiError> {
    let longest: Option<u32> = others.take("max_completion_tokens")?;
    let older: Option<u32> = others.take("max_tokens")?;
    let stop = others.take_value("stop").map(|it| texts("stop", it)).transpose()?;
    Ok(Sampling {
        temperature: others.take("temperature")?,
        top_p: others.take("top_p")?,
        top_k: others.take("top_k")?,
        seed: others.take("seed")?,
        n: others.take("n")?,
        stop: stop.unwrap_or_default(),
        max_tokens: longest.or(older),
        presence_penalty: others.take("presence_penalty")?,
        frequency_penalty: others.take("frequency_penalty")?,
        logprobs: None,
    })
}

fn logprobs(others: &mut Parameters) -> Result<Option<u32>, ApiError> {
    let wanted = others.take::<bool>("logprobs")?.unwrap_or(false);
    let top: Option<u32> = others.take("top_logprobs")?;
    match (wanted, top) {
        (true, top) => Ok(Some(top.unwrap_or(0))),
        (false, None | Some(0)) => Ok(None),
        (false, Some(_)) => {
            let message = "`top_logprobs` needs `logprobs: true`";
            Err(ApiError::invalid_field("top_logprobs", message))
        }
    }
}

/// The system prompt, and what follows it.
fn conversation(sent: Vec<Sent>) -> Result<(Vec<Part>, Vec<Message>), ApiError> {
    let mut system = Vec::new();
    let mut messages: Vec<Message> = Vec::new();
    for (place, it) in sent.into_iter().enumerate() {
        let at = format!("messages[{place}]");
        let mut others = Parameters::new(it.others);
        let name: Option<String> = others.take("name")?;
        match it.role.as_str() {
            "system" | "developer" => {
                let parts = content(&at, it.content)?;
                if messages.is_empty() {
                    system.extend(parts);
                } else {
                    messages.push(Message { role: Role::System, parts, name });
                }
            }
            "user" => {
                let parts = content(&at, it.content)?;
                messages.push(Message { role: Role::User, parts, name });
            }
            "assistant" => {
                let parts = said(&at, it.content, &mut others)?;
                messages.push(Message { role: Role::Assistant, parts, name });
            }
            "tool" => tool_result(&at, it.content, &mut others, &mut messages)?,
            other => {
                let message = format!(
                    "the role of `{at}` is `{}`; it is one of system, developer, user, assistant, tool",
                    shown(other)
                );
                return Err(ApiError::invalid_field("messages", message));
            }
        }
        others.none_left(&format!("{at}."))?;
    }
    Ok((system, messages))
}

/// What the model said before, as clients send it back.
fn said(at: &str, value: Value, others: &mut Parameters) -> Result<Vec<Part>, ApiError> {
    let mut parts = Vec::new();
    if let Some(text) = others.take::<String>("reasoning_content")? {
        parts.push(Part::Thinking { text, signature: None });
    }
    if !value.is_null() {
        let spoken = content(at, value)?;
        // An empty text beside tool calls says nothing.
        parts.extend(
            spoken.into_iter().filter(|it| !matches!(it, Part::Text { text } if text.is_empty())),
        );
    }
    if let Some(text) = others.take::<String>("refusal")? {
        parts.push(Part::Refusal { text });
    }
    for call in others.take::<Vec<ToolCall>>("tool_calls")?.unwrap_or_default() {
        let Function { name, arguments } = call.function;
        parts.push(Part::ToolUse(ToolUse { id: call.id, name, arguments, signature: None }));
    }
    // Clients return whole messages; what was cited in them says nothing to a model.
    others.take_value("annotations");
    Ok(parts)
}

#[derive(Debug, Deserialize)]
struct ToolCall {
    id: String,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// Results that follow each other are one message of the user, as other protocols want them.
fn tool_result(
    at: &str,
    value: Value,
    others: &mut Parameters,
    messages: &mut Vec<Message>,
) -> Result<(), ApiError> {
    let id: String = others.take("tool_call_id")?.ok_or_else(|| {
        ApiError::invalid_field("messages", format!("`{at}` needs `tool_call_id`"))
    })?;
    let part = Part::ToolResult { id, content: content(at, value)?, is_error: false };
    let only_results = |it: &Message| {
        it.role == Role::User && it.parts.iter().all(|part| matches!(part, Part::ToolResult { .. }))
    };
    match messages.last_mut() {
        Some(last) if only_results(last) => last.parts.push(part),
        _ => messages.push(Message { role: Role::User, parts: vec![part], name: None }),
    }
    Ok(())
}

fn content(at: &str, value: Value) -> Result<Vec<Part>, ApiError> {
    match value {
        Value::String(text) => Ok(vec![Part::text(text)]),
        Value::Array(parts) => parts.into_iter().map(|it| part(at, it)).collect(),
        _ => {
            let message = format!("the content of `{at}` is neither a text nor a list of parts");
            Err(ApiError::invalid_field("messages", message))
        }
    }
}

fn part(at: &str, value: Value) -> Result<Part, ApiError> {
    #[derive(Deserialize)]
    struct Text {
        text: String,
    }
    #[derive(Deserialize)]
    struct Refusal {
        refusal: String,
    }
    #[derive(Deserialize)]
    struct Image {
        image_url: ImageUrl,
    }
    #[derive(Deserialize)]
    struct ImageUrl {
        url: String,
        detail: Option<String>,
    }
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "text" => Ok(Part::Text { text: read::<Text>("messages", value)?.text }),
        "refusal" => Ok(Part::Refusal { text: read::<Refusal>("messages", value)?.refusal }),
        "image_url" => {
            let ImageUrl { url, detail } = read::<Image>("messages", value)?.image_url;
            Ok(Part::Image { source: ImageSource::of_url(url), detail })
        }
        "" => {
            let message = format!("a part of `{at}` has no `type`");
            Err(ApiError::invalid_field("messages", message))
        }
        _ => Ok(Part::Foreign { protocol: Protocol::OpenAi, value }),
    }
}

fn tools(others: &mut Parameters) -> Result<Vec<Tool>, ApiError> {
    #[derive(Deserialize)]
    struct Sent {
        r#type: String,
        function: Option<Definition>,
    }
    #[derive(Deserialize)]
    struct Definition {
        name: String,
        description: Option<String>,
        #[serde(default = "no_arguments")]
        parameters: Value,
        strict: Option<bool>,
    }
    fn no_arguments() -> Value {
        serde_json::json!({ "type": "object", "properties": {} })
    }
    let sent: Vec<Sent> = others.take("tools")?.unwrap_or_default();
    let tools = sent.into_iter().map(|it| match it.function {
        Some(Definition { name, description, parameters, strict }) if it.r#type == "function" => {
            Ok(Tool { name, description, parameters, strict, extras: Extras::new() })
        }
        _ => {
            let reason = format!("`tools`: `{}` is not a function", shown(&it.r#type));
            Err(ApiError::UnsupportedParameter { param: "tools".to_owned(), reason })
        }
    });
    tools.collect()
}

fn tool_choice(others: &mut Parameters) -> Result<ToolChoice, ApiError> {
    let Some(value) = others.take_value("tool_choice") else { return Ok(ToolChoice::Auto) };
    match value.as_str() {
        Some("auto") => return Ok(ToolChoice::Auto),
        Some("none") => return Ok(ToolChoice::None),
        Some("required") => return Ok(ToolChoice::Required),
        _ => {}
    }
    match value.pointer("/function/name").and_then(Value::as_str) {
        Some(name) => Ok(ToolChoice::Tool(name.to_owned())),
        None => {
            let reason = "`tool_choice` is auto, none, required or a function by its name";
            let param = "tool_choice".to_owned();
            Err(ApiError::UnsupportedParameter { param, reason: reason.to_owned() })
        }
    }
}

fn response_format(others: &mut Parameters) -> Result<ResponseFormat, ApiError> {
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Sent {
        Text,
        JsonObject,
        JsonSchema { json_schema: JsonSchema },
    }
    Ok(match others.take::<Sent>("response_format")? {
        None | Some(Sent::Text) => ResponseFormat::Text,
        Some(Sent::JsonObject) => ResponseFormat::Json,
        Some(Sent::JsonSchema { json_schema }) => ResponseFormat::JsonSchema(json_schema),
    })
}
