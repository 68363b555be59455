//! Input items as messages. What the model said in one turn, thoughts, words and calls, is one
//! message of the assistant, as engines of other protocols want it back.

use freehold_vocabulary::chat::{ImageSource, Message, Part, Protocol, Role, ToolUse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::seal;
use crate::app::shown;
use crate::error::ApiError;
use crate::openai::read::read;

/// What the input says.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Instructions that come before everything else.
    pub(crate) system: Vec<Part>,
    pub(crate) messages: Vec<Message>,
}

/// The items of an input, each with a type and an id; a text alone is a message of the user.
///
/// # Errors
/// When it is neither a text nor a list of items.
pub(crate) fn items(
    input: Option<Value>,
    named: &mut dyn FnMut(&str) -> String,
) -> Result<Vec<Value>, ApiError> {
    let items = match input {
        Some(Value::String(text)) => {
            let part = json!({ "type": "input_text", "text": text });
            vec![json!({ "type": "message", "role": "user", "content": [part] })]
        }
        Some(Value::Array(items)) => items,
        None | Some(Value::Null) => Vec::new(),
        Some(_) => {
            let message = "`input` is neither a text nor a list of items";
            return Err(ApiError::invalid_field("input", message));
        }
    };
    let whole = items.into_iter().enumerate().map(|(place, mut item)| {
        let Value::Object(fields) = &mut item else {
            let message = format!("`input[{place}]` is no item");
            return Err(ApiError::invalid_field("input", message));
        };
        let kind = fields.entry("type").or_insert_with(|| "message".into());
        let prefix = prefix(kind.as_str().unwrap_or_default());
        if fields.get("id").is_none_or(Value::is_null) {
            fields.insert("id".to_owned(), named(prefix).into());
        }
        Ok(item)
    });
    whole.collect()
}

fn prefix(kind: &str) -> &'static str {
    match kind {
        "message" => "msg",
        "function_call" | "function_call_output" => "fc",
        "reasoning" => "rs",
        _ => "item",
    }
}

/// Items as messages.
///
/// # Errors
/// When an item has a form that the protocol does not have, or that no engine here could read.
pub(crate) fn turn(items: &[Value]) -> Result<Turn, ApiError> {
    let mut turn = Turn::default();
    // A proof of thought that belongs to the call which follows it.
    let mut proof = None;
    for (place, item) in items.iter().enumerate() {
        let at = format!("input[{place}]");
        match item["type"].as_str().unwrap_or_default() {
            "message" => message(&at, item, &mut turn)?,
            "function_call" => {
                let Call { call_id, name, arguments } = read("input", item.clone())?;
                let tool = ToolUse { id: call_id, name, arguments, signature: proof.take() };
                turn.said(vec![Part::ToolUse(tool)]);
            }
            "function_call_output" => {
                let Output { call_id, output } = read("input", item.clone())?;
                let content = content(&at, &output)?;
                turn.result(Part::ToolResult { id: call_id, content, is_error: false });
            }
            "reasoning" => match thought(&at, item)? {
                Thought::Parts(parts) => turn.said(parts),
                Thought::Proof(of_call) => proof = Some(of_call),
            },
            "item_reference" => {
                let message = format!(
                    "`{at}` refers to an item by its id; send the item itself, or use `previous_response_id`"
                );
                return Err(ApiError::invalid_field("input", message));
            }
            other => {
                let message = format!(
                    "`{at}` is of the type `{}`; here an item is one of message, function_call, function_call_output, reasoning",
                    shown(other)
                );
                return Err(ApiError::invalid_field("input", message));
            }
        }
    }
    Ok(turn)
}

#[derive(Deserialize)]
struct Call {
    call_id: String,
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct Output {
    call_id: String,
    output: Value,
}

enum Thought {
    Parts(Vec<Part>),
    /// Of the call that follows.
    Proof(String),
}

/// What a model thought. Sealed content is the thought itself with its proof; without it there is
/// only what could be read.
fn thought(at: &str, item: &Value) -> Result<Thought, ApiError> {
    if let Some(sealed) = item["encrypted_content"].as_str() {
        return match seal::open(sealed) {
            Some(seal::Sealed::Thought(part)) => Ok(Thought::Parts(vec![part])),
            Some(seal::Sealed::Call(proof)) => Ok(Thought::Proof(proof)),
            None => {
                let message = format!(
                    "`{at}.encrypted_content` was not made here; leave the item out, or send it to whoever made it"
                );
                Err(ApiError::invalid_field("input", message))
            }
        };
    }
    let texts = ["content", "summary"].into_iter().filter_map(|it| item[it].as_array()).flatten();
    let text: String = texts.filter_map(|it| it["text"].as_str()).collect();
    let parts =
        if text.is_empty() { Vec::new() } else { vec![Part::Thinking { text, signature: None }] };
    Ok(Thought::Parts(parts))
}

fn message(at: &str, item: &Value, turn: &mut Turn) -> Result<(), ApiError> {
    let parts = content(at, &item["content"])?;
    match item["role"].as_str().unwrap_or_default() {
        "user" => turn.messages.push(Message { role: Role::User, parts, name: None }),
        "assistant" => turn.said(parts),
        "system" | "developer" if turn.messages.is_empty() => turn.system.extend(parts),
        "system" | "developer" => {
            turn.messages.push(Message { role: Role::System, parts, name: None });
        }
        other => {
            let message = format!(
                "the role of `{at}` is `{}`; it is one of user, assistant, system, developer",
                shown(other)
            );
            return Err(ApiError::invalid_field("input", message));
        }
    }
    Ok(())
}

impl Turn {
    fn said(&mut self, parts: Vec<Part>) {
        match self.messages.last_mut() {
            Some(last) if last.role == Role::Assistant => last.parts.extend(parts),
            _ if parts.is_empty() => {}
            _ => self.messages.push(Message { role: Role::Assistant, parts, name: None }),
        }
    }

    /// Results that follow each other are one message of the user.
    fn result(&mut self, part: Part) {
        let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
        match self.messages.last_mut() {
            Some(last) if last.role == Role::User && last.parts.iter().all(is_result) => {
                last.parts.push(part);
            }
            _ => self.messages.push(Message { role: Role::User, parts: vec![part], name: None }),
        }
    }
}

fn content(at: &str, value: &Value) -> Result<Vec<Part>, ApiError> {
    match value {
        Value::String(text) => Ok(vec![Part::text(text)]),
        Value::Array(parts) => parts.iter().map(|it| part(at, it)).collect(),
        _ => {
            let message = format!("the content of `{at}` is neither a text nor a list of parts");
            Err(ApiError::invalid_field("input", message))
        }
    }
}

fn part(at: &str, value: &Value) -> Result<Part, ApiError> {
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
        image_url: Option<String>,
        detail: Option<String>,
    }
    match value["type"].as_str().unwrap_or_default() {
        "input_text" | "output_text" | "text" => {
            Ok(Part::Text { text: read::<Text>("input", value.clone())?.text })
        }
        "refusal" => Ok(Part::Refusal { text: read::<Refusal>("input", value.clone())?.refusal }),
        "input_image" => match read("input", value.clone())? {
            Image { image_url: Some(url), detail } => {
                Ok(Part::Image { source: ImageSource::of_url(url), detail })
            }
            Image { image_url: None, .. } => {
                let message =
                    format!("an image of `{at}` has no `image_url`; files are not read here");
                Err(ApiError::invalid_field("input", message))
            }
        },
        "" => {
            let message = format!("a part of `{at}` has no `type`");
            Err(ApiError::invalid_field("input", message))
        }
        _ => Ok(Part::Foreign { protocol: Protocol::Responses, value: value.clone() }),
    }
}
