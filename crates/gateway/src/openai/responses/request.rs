//! A responses request in our own words, and what of it the answer repeats.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{
    ChatRequest, Delivery, Effort, Extras, JsonSchema, Part, Protocol, Reasoning, ResponseFormat,
    Sampling, Tool, ToolChoice,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::input;
use crate::app::shown;
use crate::error::ApiError;
use crate::openai::read::Parameters;

/// Parameters that the chat protocol of the same house has under the same name and meaning, so
/// that an engine which speaks it gets them.
const SHARED: [&str; 4] =
    ["prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier"];
const ENCRYPTED: &str = "reasoning.encrypted_content";
const LOGPROBS: &str = "message.output_text.logprobs";

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Without what was said before this turn.
    pub(crate) chat: ChatRequest,
    /// This turn's input, each item with an id.
    pub(crate) items: Vec<Value>,
    pub(crate) include: Include,
    /// Fields of the answer that repeat the request.
    pub(crate) echo: Map<String, Value>,
}

/// What the answer holds only when asked to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Include {
    /// Thoughts with their proofs, to be given back by clients that store nothing here.
    pub(crate) encrypted: bool,
    pub(crate) logprobs: bool,
}

/// Reads a request. `named` gives an id to an item that has none.
///
/// # Errors
/// When something has a form that the protocol does not have, or asks for what is not offered.
pub(crate) fn translated(
    input: Option<Value>,
    others: BTreeMap<String, Value>,
    delivery: Delivery,
    named: &mut dyn FnMut(&str) -> String,
) -> Result<Wanted, ApiError> {
    let mut others = Parameters::new(others);
    refuse_what_is_not_offered(&mut others)?;
    let mut echo = echo(&others);
    let include = include(&mut others)?;
    let items = input::items(input, named)?;
    let turn = input::turn(&items)?;
    let mut chat = ChatRequest { delivery, messages: turn.messages, ..ChatRequest::default() };
    if let Some(text) = others.take::<String>("instructions")? {
        chat.system.push(Part::text(text));
    }
    chat.system.extend(turn.system);
    chat.tools = tools(&mut others)?;
    chat.tool_choice = tool_choice(&mut others)?;
    chat.parallel_tool_calls = others.take("parallel_tool_calls")?;
    let top: Option<u32> = others.take("top_logprobs")?;
    chat.sampling = Sampling {
        temperature: others.take("temperature")?,
        top_p: others.take("top_p")?,
        max_tokens: others.take("max_output_tokens")?,
        logprobs: include.logprobs.then(|| top.unwrap_or(0)),
        ..Sampling::default()
    };
    let (format, verbosity) = text(&mut others)?;
    chat.response_format = format;
    if let Some(verbosity) = verbosity {
        chat.extras.insert(Protocol::OpenAi, "verbosity", verbosity);
    }
    chat.reasoning = reasoning(&mut others)?;
    chat.user = others.take("user")?;
    chat.metadata = others.take("metadata")?.unwrap_or_default();
    for name in SHARED {
        if let Some(value) = others.take_value(name) {
            chat.extras.insert(Protocol::OpenAi, name, value);
        }
    }
    for (name, value) in others.rest() {
        if !KNOWN.contains(&name.as_str()) {
            return Err(ApiError::UnknownParameter { param: shown(&name) });
        }
        chat.extras.insert(Protocol::Responses, name, value);
    }
    echo.insert("parallel_tool_calls".to_owned(), chat.parallel_tool_calls.unwrap_or(true).into());
    Ok(Wanted { chat, items, include, echo })
}

/// Parameters that no engine here understands and that change nothing but how its provider works;
/// the answer names them as ignored.
const KNOWN: [&str; 4] = ["max_tool_calls", "stream_options", "truncation", "context_management"];

fn refuse_what_is_not_offered(others: &mut Parameters) -> Result<(), ApiError> {
    let instead = [
        ("background", "send the request without it, or many requests as a batch"),
        ("conversation", "use `previous_response_id`"),
        ("prompt", "send the text itself as `instructions` and `input`"),
    ];
    for (param, remedy) in instead {
        if others.take_value(param).is_some_and(|it| it != json!(false)) {
            let reason = format!("`{param}` is not offered here; {remedy}");
            return Err(ApiError::UnsupportedParameter { param: param.to_owned(), reason });
        }
    }
    Ok(())
}

fn include(others: &mut Parameters) -> Result<Include, ApiError> {
    let wanted: Vec<String> = others.take("include")?.unwrap_or_default();
    let mut include = Include::default();
    for it in wanted {
        match it.as_str() {
            ENCRYPTED => include.encrypted = true,
            LOGPROBS => include.logprobs = true,
            other => {
                let reason = format!(
                    "`include`: `{}` is not offered here; there are {ENCRYPTED} and {LOGPROBS}",
                    shown(other)
                );
                return Err(ApiError::UnsupportedParameter { param: "include".to_owned(), reason });
            }
        }
    }
    Ok(include)
}

/// Fields that an answer repeats, with the protocol's word for what was not said.
fn echo(others: &Parameters) -> Map<String, Value> {
    let defaults = [
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("max_tool_calls", Value::Null),
        ("metadata", json!({})),
        ("prompt_cache_key", Value::Null),
        ("reasoning", json!({ "effort": null, "summary": null })),
        ("safety_identifier", Value::Null),
        ("temperature", Value::Null),
        ("text", json!({ "format": { "type": "text" } })),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_p", Value::Null),
        ("truncation", json!("disabled")),
        ("user", Value::Null),
    ];
    let said = defaults
        .into_iter()
        .map(|(name, unsaid)| (name.to_owned(), others.get(name).cloned().unwrap_or(unsaid)));
    said.collect()
}

fn tools(others: &mut Parameters) -> Result<Vec<Tool>, ApiError> {
    #[derive(Deserialize)]
    struct Sent {
        r#type: String,
        name: Option<String>,
        description: Option<String>,
        #[serde(default)]
        parameters: Value,
        strict: Option<bool>,
    }
    let sent: Vec<Sent> = others.take("tools")?.unwrap_or_default();
    let tools = sent.into_iter().map(|it| match it {
        Sent { r#type, name: Some(name), description, parameters, strict }
            if r#type == "function" =>
        {
            let none = json!({ "type": "object", "properties": {} });
            let parameters = if parameters.is_null() { none } else { parameters };
            Ok(Tool { name, description, parameters, strict, extras: Extras::new() })
        }
        Sent { r#type, .. } if r#type == "function" => {
            Err(ApiError::invalid_field("tools", "`tools`: a function has no `name`"))
        }
        Sent { r#type, .. } => {
            let reason = format!(
                "`tools`: `{}` runs at its provider, which no rule here could follow; functions are run by the caller and are welcome",
                shown(&r#type)
            );
            Err(ApiError::UnsupportedParameter { param: "tools".to_owned(), reason })
        }
    });
    tools.collect()
}

fn tool_choice(others: &mut Parameters) -> Result<ToolChoice, ApiError> {
    let Some(value) = others.take_value("tool_choice") else { return Ok(ToolChoice::Auto) };
    match (value.as_str(), value["type"].as_str(), value["name"].as_str()) {
        (Some("auto"), ..) => Ok(ToolChoice::Auto),
        (Some("none"), ..) => Ok(ToolChoice::None),
        (Some("required"), ..) => Ok(ToolChoice::Required),
        (None, Some("function"), Some(name)) => Ok(ToolChoice::Tool(name.to_owned())),
        _ => {
            let reason = "`tool_choice` is auto, none, required or a function by its name";
            let param = "tool_choice".to_owned();
            Err(ApiError::UnsupportedParameter { param, reason: reason.to_owned() })
        }
    }
}

fn text(others: &mut Parameters) -> Result<(ResponseFormat, Option<Value>), ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sent {
        format: Option<Format>,
        verbosity: Option<Value>,
    }
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Format {
        Text,
        JsonObject,
        JsonSchema(JsonSchema),
    }
    let Some(sent) = others.take::<Sent>("text")? else {
        return Ok((ResponseFormat::Text, None));
    };
    let format = match sent.format {
        None | Some(Format::Text) => ResponseFormat::Text,
        Some(Format::JsonObject) => ResponseFormat::Json,
        Some(Format::JsonSchema(schema)) => ResponseFormat::JsonSchema(schema),
    };
    Ok((format, sent.verbosity))
}

fn reasoning(others: &mut Parameters) -> Result<Reasoning, ApiError> {
    // Summaries are what an engine makes them; whether there is one is not ours to choose.
    #[derive(Default, Deserialize)]
    struct Sent {
        effort: Option<Effort>,
    }
    let sent: Sent = others.take("reasoning")?.unwrap_or_default();
    Ok(Reasoning { effort: sent.effort, budget_tokens: None })
}
