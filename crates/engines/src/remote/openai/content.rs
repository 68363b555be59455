//! Messages in OpenAI's words.

use freehold_vocabulary::chat::{ChatRequest, ImageSource, Message, Part, Protocol, Role};
use serde_json::{Map, Value, json};

use super::Dialect;
use crate::remote::wire::Unfit;

/// A body in the making, and what was left out of it.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) body: Map<String, Value>,
    pub(super) ignored: Vec<String>,
}

impl Out {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.body.insert(name.to_owned(), value);
    }

    /// Sets what the server knows, and names what it does not.
    pub(super) fn wish(&mut self, known: bool, name: &str, value: Value) {
        if known { self.set(name, value) } else { self.ignore(name) }
    }

    pub(super) fn ignore(&mut self, name: &str) {
        if !self.ignored.iter().any(|it| it == name) {
            self.ignored.push(name.to_owned());
        }
    }
}

pub(super) fn messages(
    dialect: &Dialect,
    request: &ChatRequest,
    out: &mut Out,
) -> Result<Vec<Value>, Unfit> {
    let mut messages = Vec::new();
    let system = texts(&request.system, out)?;
    if !system.is_empty() {
        messages.push(json!({ "role": "system", "content": system.join("\n\n") }));
    }
    for message in &request.messages {
        match message.role {
            Role::System => {
                let text = texts(&message.parts, out)?.join("\n\n");
                messages.push(named(message, "system", json!(text)));
            }
            Role::User => user(dialect, message, out, &mut messages)?,
            Role::Assistant => messages.push(assistant(dialect, message, out)?),
        }
    }
    Ok(messages)
}

fn named(message: &Message, role: &str, content: Value) -> Value {
    let mut value = json!({ "role": role, "content": content });
    if let Some(name) = &message.name {
        value["name"] = json!(name);
    }
    value
}

/// Instructions are texts; a wish to keep them is left out, since OpenAI keeps them unasked.
fn texts<'a>(parts: &'a [Part], out: &mut Out) -> Result<Vec<&'a str>, Unfit> {
    let mut texts = Vec::new();
    for part in parts {
        match part {
            Part::Text { text } => texts.push(text.as_str()),
            Part::CachePoint { .. } => out.ignore("cache_control"),
            _ => return Err(Unfit::new("instructions other than texts")),
        }
    }
    Ok(texts)
}

/// Results of tools are messages of their own here, before what the user says.
fn user(
    dialect: &Dialect,
    message: &Message,
    out: &mut Out,
    messages: &mut Vec<Value>,
) -> Result<(), Unfit> {
    let mut content = Vec::new();
    for part in &message.parts {
        match part {
            Part::ToolResult { id, content, is_error } => {
                if *is_error {
                    out.ignore("is_error");
                }
                let text = texts(content, out)
                    .map_err(|_| Unfit::new("results of tools other than texts"))?
                    .concat();
                messages.push(json!({ "role": "tool", "tool_call_id": id, "content": text }));
            }
            Part::Text { text } | Part::Refusal { text } => {
                content.push(json!({ "type": "text", "text": text }));
            }
            Part::Image { source, detail } => {
                content.push(image(dialect, source, detail.as_deref())?);
            }
            Part::Foreign { protocol: Protocol::OpenAi, value } => content.push(value.clone()),
            Part::CachePoint { .. } => out.ignore("cache_control"),
            Part::Foreign { protocol, .. } => {
                return Err(Unfit::new(format!("parts that only {protocol} knows")));
            }
            Part::ToolUse(_) | Part::Thinking { .. } | Part::RedactedThinking { .. } => {
                return Err(Unfit::new("the model's own parts in a message of the user"));
            }
        }
    }
    if !content.is_empty() {
        messages.push(named(message, "user", plain(content)));
    }
    Ok(())
}

/// A single text needs no list, and some chat templates know no lists.
fn plain(mut content: Vec<Value>) -> Value {
    match content.as_mut_slice() {
        [one] if one["type"] == "text" => one["text"].take(),
        _ => Value::Array(content),
    }
}

fn image(dialect: &Dialect, source: &ImageSource, detail: Option<&str>) -> Result<Value, Unfit> {
    if !dialect.images {
        return Err(Unfit::new("images"));
    }
    let url = match source {
        ImageSource::Url { .. } if !dialect.image_urls => {
            return Err(Unfit::new("images by URL: send the image itself"));
        }
        ImageSource::Url { url } => url.clone(),
        ImageSource::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
    };
    let mut image = json!({ "url": url });
    if let Some(detail) = detail {
        image["detail"] = json!(detail);
    }
    Ok(json!({ "type": "image_url", "image_url": image }))
}

fn assistant(dialect: &Dialect, message: &Message, out: &mut Out) -> Result<Value, Unfit> {
    let (mut text, mut refusal, mut thoughts) = (String::new(), String::new(), String::new());
    let mut calls = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text { text: more } => text.push_str(more),
            Part::Refusal { text: more } => refusal.push_str(more),
            Part::Thinking { text: more, .. } => thoughts.push_str(more),
            Part::RedactedThinking { .. } => out.ignore("redacted_thinking"),
            Part::CachePoint { .. } => out.ignore("cache_control"),
            Part::ToolUse(tool) => {
                let arguments =
                    if tool.arguments.is_empty() { "{}" } else { tool.arguments.as_str() };
                calls.push(json!({
                    "id": tool.id,
                    "type": "function",
                    "function": { "name": tool.name, "arguments": arguments },
                }));
            }
            Part::Image { .. } | Part::ToolResult { .. } | Part::Foreign { .. } => {
                return Err(Unfit::new(
                    "messages of the model with other parts than texts and tools",
                ));
            }
        }
    }
    let has_no_text = text.is_empty() && !(calls.is_empty() && refusal.is_empty());
    let content = if has_no_text { Value::Null } else { json!(text) };
    let mut value = named(message, "assistant", content);
    if !refusal.is_empty() {
        value["refusal"] = json!(refusal);
    }
    if !calls.is_empty() {
        value["tool_calls"] = Value::Array(calls);
    }
    match dialect.thinking_back {
        Some(field) if !thoughts.is_empty() => value[field] = json!(thoughts),
        None if !thoughts.is_empty() => out.ignore("thinking"),
        _ => {}
    }
    Ok(value)
}
