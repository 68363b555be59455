//! A request in Anthropic's words.

use freehold_vocabulary::chat::{
    ChatRequest, Delivery, Effort, ImageSource, Part, Protocol, ResponseFormat, Role, ToolChoice,
    ToolUse,
};
use serde_json::{Map, Value, json};

use crate::remote::wire::{Call, Unfit};

/// The protocol demands a number where OpenAI's does not; every model of today allows this one.
const MAX_TOKENS_DEFAULT: u32 = 4096;
/// Fields that decide how the answer comes; extras must not.
const RESERVED: [&str; 1] = ["stream"];
/// An extra that is a header on the wire.
const BETA: &str = "anthropic-beta";

#[derive(Debug, Default)]
struct Out {
    body: Map<String, Value>,
    ignored: Vec<String>,
    headers: Vec<(&'static str, String)>,
}

impl Out {
    fn set(&mut self, name: &str, value: Value) {
        self.body.insert(name.to_owned(), value);
    }

    fn ignore(&mut self, name: &str) {
        if !self.ignored.iter().any(|it| it == name) {
            self.ignored.push(name.to_owned());
        }
    }
}

pub(super) fn chat(request: &ChatRequest) -> Result<Call, Unfit> {
    let mut out = Out::default();
    out.set("model", json!(request.model));
    let max_tokens = request.sampling.max_tokens.unwrap_or(MAX_TOKENS_DEFAULT);
    out.set("max_tokens", json!(max_tokens));
    let mut system = blocks(&request.system, &mut out)?;
    let mut messages: Vec<Value> = Vec::new();
    for message in &request.messages {
        let content = blocks(&message.parts, &mut out)?;
        match message.role {
            // Instructions stand before the conversation here, wherever they stood.
            Role::System => system.extend(content),
            Role::User => add(&mut messages, "user", content),
            Role::Assistant => add(&mut messages, "assistant", content),
        }
        if message.name.is_some() {
            out.ignore("name");
        }
    }
    if !system.is_empty() {
        out.set("system", Value::Array(system));
    }
    out.set("messages", Value::Array(messages));
    if request.delivery == Delivery::Streamed {
        out.set("stream", json!(true));
    }
    tools(request, &mut out);
    shape(request, &mut out)?;
    sampling(request, &mut out)?;
    reasoning(request, &mut out);
    extras(request, &mut out);
    let body = Some(Value::Object(out.body));
    Ok(Call { headers: out.headers, body, ignored: out.ignored, ..Call::get("/messages") })
}

/// Turns alternate here: results of several tools are one turn of the user.
fn add(messages: &mut Vec<Value>, role: &str, content: Vec<Value>) {
    if content.is_empty() {
        return;
    }
    match messages.last_mut() {
        Some(last) if last["role"] == role => {
            if let Some(before) = last["content"].as_array_mut() {
                before.extend(content);
            }
        }
        _ => messages.push(json!({ "role": role, "content": content })),
    }
}

fn blocks(parts: &[Part], out: &mut Out) -> Result<Vec<Value>, Unfit> {
    let mut blocks: Vec<Value> = Vec::new();
    for part in parts {
        match part {
            // Empty texts are refused by the API and say nothing.
            Part::Text { text } | Part::Refusal { text } => {
                if !text.is_empty() {
                    blocks.push(json!({ "type": "text", "text": text }));
                }
            }
            Part::Image { source, .. } => blocks.push(image(source)),
            Part::ToolUse(tool) => blocks.push(tool_use(tool)?),
            Part::ToolResult { id, content, is_error } => {
                let mut block = json!({
                    "type": "tool_result",
                    "tool_use_id": id,
                    "content": self::blocks(content, out)?,
                });
                if *is_error {
                    block["is_error"] = json!(true);
                }
                blocks.push(block);
            }
            Part::Thinking { text, signature: Some(signature) } => {
                let block = json!({ "type": "thinking", "thinking": text, "signature": signature });
                blocks.push(block);
            }
            // Thoughts without a signature are another provider's; the API would refuse them.
            Part::Thinking { .. } => out.ignore("thinking"),
            Part::RedactedThinking { data } => {
                blocks.push(json!({ "type": "redacted_thinking", "data": data }));
            }
            Part::CachePoint { ttl } => {
                let mut control = json!({ "type": "ephemeral" });
                if let Some(ttl) = ttl {
                    control["ttl"] = json!(ttl);
                }
                match blocks.last_mut() {
                    Some(block) => block["cache_control"] = control,
                    None => out.ignore("cache_control"),
                }
            }
            Part::Foreign { protocol: Protocol::Anthropic, value } => blocks.push(value.clone()),
            Part::Foreign { protocol, .. } => {
                return Err(Unfit::new(format!("parts that only {protocol} knows")));
            }
        }
    }
    Ok(blocks)
}

fn image(source: &ImageSource) -> Value {
    let source = match source {
        ImageSource::Url { url } => json!({ "type": "url", "url": url }),
        ImageSource::Base64 { media_type, data } => {
            json!({ "type": "base64", "media_type": media_type, "data": data })
        }
    };
    json!({ "type": "image", "source": source })
}

fn tool_use(tool: &ToolUse) -> Result<Value, Unfit> {
    let text = if tool.arguments.trim().is_empty() { "{}" } else { tool.arguments.as_str() };
    let input: Map<String, Value> = serde_json::from_str(text).map_err(|_| {
        Unfit::new(format!("arguments that are no JSON object (tool `{}`)", tool.name))
    })?;
    Ok(json!({ "type": "tool_use", "id": tool.id, "name": tool.name, "input": input }))
}

fn tools(request: &ChatRequest, out: &mut Out) {
    if request.tools.is_empty() {
        return;
    }
    let mut tools = Vec::new();
    for tool in &request.tools {
        let mut value = Map::new();
        value.insert("name".to_owned(), json!(tool.name));
        if let Some(description) = &tool.description {
            value.insert("description".to_owned(), json!(description));
        }
        value.insert("input_schema".to_owned(), tool.parameters.clone());
        if let Some(strict) = tool.strict {
            value.insert("strict".to_owned(), json!(strict));
        }
        for (name, extra) in tool.extras.of(Protocol::Anthropic) {
            value.entry(name).or_insert_with(|| extra.clone());
        }
        tool.extras.foreign_to(Protocol::Anthropic).for_each(|it| out.ignore(it));
        tools.push(Value::Object(value));
    }
    out.set("tools", Value::Array(tools));
    let mut choice = match &request.tool_choice {
        ToolChoice::Auto => json!({ "type": "auto" }),
        ToolChoice::None => json!({ "type": "none" }),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Tool(name) => json!({ "type": "tool", "name": name }),
    };
    match request.parallel_tool_calls {
        Some(parallel) if request.tool_choice != ToolChoice::None => {
            choice["disable_parallel_tool_use"] = json!(!parallel);
        }
        None if request.tool_choice == ToolChoice::Auto => return,
        _ => {}
    }
    out.set("tool_choice", choice);
}

fn shape(request: &ChatRequest, out: &mut Out) -> Result<(), Unfit> {
    match &request.response_format {
        ResponseFormat::Text => {}
        ResponseFormat::Json => return Err(Unfit::new("JSON without a schema")),
        ResponseFormat::JsonSchema(it) => {
            let format = json!({ "type": "json_schema", "schema": it.schema });
            output_config(out, "format", format);
        }
    }
    if request.sampling.logprobs.is_some() {
        return Err(Unfit::new("log-probabilities"));
    }
    match request.sampling.n {
        None | Some(1) => Ok(()),
        Some(n) => Err(Unfit::new(format!("{n} choices in one request"))),
    }
}

fn output_config(out: &mut Out, name: &str, value: Value) {
    let config = out.body.entry("output_config").or_insert_with(|| json!({}));
    config[name] = value;
}

fn sampling(request: &ChatRequest, out: &mut Out) -> Result<(), Unfit> {
    let it = &request.sampling;
    if !it.stop.is_empty() {
        out.set("stop_sequences", json!(it.stop));
    }
    if let Some(top_k) = it.top_k {
        out.set("top_k", json!(top_k));
    }
    for (name, value) in [("temperature", it.temperature), ("top_p", it.top_p)] {
        if let Some(value) = value {
            out.set(name, json!(value));
        }
    }
    let unknown = [
        ("seed", it.seed.is_some()),
        ("presence_penalty", it.presence_penalty.is_some()),
        ("frequency_penalty", it.frequency_penalty.is_some()),
    ];
    unknown.iter().filter(|(_, said)| *said).for_each(|(name, _)| out.ignore(name));
    if let Some(user) = &request.user {
        out.set("metadata", json!({ "user_id": user }));
    }
    if !request.metadata.is_empty() {
        out.ignore("metadata");
    }
    Ok(())
}

fn reasoning(request: &ChatRequest, out: &mut Out) {
    match request.reasoning.effort {
        None => {}
        Some(Effort::None) => out.set("thinking", json!({ "type": "disabled" })),
        Some(Effort::Minimal) => output_config(out, "effort", json!("low")),
        Some(effort) => output_config(out, "effort", json!(effort.as_str())),
    }
    if let Some(budget) = request.reasoning.budget_tokens {
        out.set("thinking", json!({ "type": "enabled", "budget_tokens": budget }));
    }
}

fn extras(request: &ChatRequest, out: &mut Out) {
    for (name, value) in request.extras.of(Protocol::Anthropic) {
        match value.as_str() {
            Some(features) if name == BETA => out.headers.push((BETA, features.to_owned())),
            _ if RESERVED.contains(&name) || out.body.contains_key(name) => out.ignore(name),
            _ => out.set(name, value.clone()),
        }
    }
    request.extras.foreign_to(Protocol::Anthropic).for_each(|it| out.ignore(it));
}
