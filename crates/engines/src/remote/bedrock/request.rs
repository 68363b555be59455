//! A request in the words of Converse.

use freehold_vocabulary::chat::{
    ChatRequest, Delivery, Effort, ImageSource, Part, Protocol, ResponseFormat, Role, ToolChoice,
    ToolUse,
};
use serde_json::{Map, Value, json};

use crate::remote::wire::{Call, Unfit};

#[derive(Debug, Default)]
struct Out {
    body: Map<String, Value>,
    ignored: Vec<String>,
}

impl Out {
    fn set(&mut self, name: &str, value: Value) {
        self.body.insert(name.to_owned(), value);
    }

    fn set_in(&mut self, outer: &str, name: &str, value: Value) {
        self.body.entry(outer).or_insert_with(|| json!({}))[name] = value;
    }

    fn ignore(&mut self, name: &str) {
        if !self.ignored.iter().any(|it| it == name) {
            self.ignored.push(name.to_owned());
        }
    }
}

pub(super) fn chat(request: &ChatRequest) -> Result<Call, Unfit> {
    let mut out = Out::default();
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
    tools(request, &mut out)?;
    shape(request, &mut out)?;
    sampling(request, &mut out);
    reasoning(request, &mut out);
    for (name, value) in request.extras.of(Protocol::Bedrock) {
        if name == "modelId" || out.body.contains_key(name) {
            out.ignore(name);
        } else {
            out.set(name, value.clone());
        }
    }
    request.extras.foreign_to(Protocol::Bedrock).for_each(|it| out.ignore(it));
    let action = match request.delivery {
        Delivery::Whole => "converse",
        Delivery::Streamed => "converse-stream",
    };
    let path = super::model_path(&request.model, action)?;
    Ok(Call { body: Some(Value::Object(out.body)), ignored: out.ignored, ..Call::get(path) })
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
                    blocks.push(json!({ "text": text }));
                }
            }
            Part::Image { source, .. } => blocks.push(image(source)?),
            Part::ToolUse(tool) => blocks.push(tool_use(tool)?),
            Part::ToolResult { id, content, is_error } => {
                let mut result = json!({ "toolUseId": id, "content": self::blocks(content, out)? });
                if *is_error {
                    result["status"] = json!("error");
                }
                blocks.push(json!({ "toolResult": result }));
            }
            Part::Thinking { text, signature: Some(signature) } => {
                let thought = json!({ "text": text, "signature": signature });
                blocks.push(json!({ "reasoningContent": { "reasoningText": thought } }));
            }
            // Thoughts without a signature are another provider's; the API would refuse them.
            Part::Thinking { .. } => out.ignore("thinking"),
            Part::RedactedThinking { data } => {
                blocks.push(json!({ "reasoningContent": { "redactedContent": data } }));
            }
            Part::CachePoint { ttl } if blocks.is_empty() => {
                let _ = ttl;
                out.ignore("cache_control");
            }
            Part::CachePoint { ttl } => blocks.push(cache_point(ttl.as_deref())),
            Part::Foreign { protocol: Protocol::Bedrock, value } => blocks.push(value.clone()),
            Part::Foreign { protocol, .. } => {
                return Err(Unfit::new(format!("parts that only {protocol} knows")));
            }
        }
    }
    Ok(blocks)
}

fn cache_point(ttl: Option<&str>) -> Value {
    let mut point = json!({ "type": "default" });
    if let Some(ttl) = ttl {
        point["ttl"] = json!(ttl);
    }
    json!({ "cachePoint": point })
}

/// Images come by value; of addresses, only those of Amazon's own store are fetched.
fn image(source: &ImageSource) -> Result<Value, Unfit> {
    let (format, source) = match source {
        ImageSource::Base64 { media_type, data } => (media_type.as_str(), json!({ "bytes": data })),
        ImageSource::Url { url } if url.starts_with("s3://") => {
            let format = match url.rsplit('.').next().unwrap_or("") {
                "jpg" => "jpeg",
                other => other,
            };
            (format, json!({ "s3Location": { "uri": url } }))
        }
        ImageSource::Url { .. } => {
            return Err(Unfit::new("images by address; send them as base 64"));
        }
    };
    let format = format.strip_prefix("image/").unwrap_or(format);
    if !["png", "jpeg", "gif", "webp"].contains(&format) {
        return Err(Unfit::new(format!("images of the form `{format}`")));
    }
    Ok(json!({ "image": { "format": format, "source": source } }))
}

fn tool_use(tool: &ToolUse) -> Result<Value, Unfit> {
    let text = if tool.arguments.trim().is_empty() { "{}" } else { tool.arguments.as_str() };
    let input: Map<String, Value> = serde_json::from_str(text).map_err(|_| {
        Unfit::new(format!("arguments that are no JSON object (tool `{}`)", tool.name))
    })?;
    Ok(json!({ "toolUse": { "toolUseId": tool.id, "name": tool.name, "input": input } }))
}

fn tools(request: &ChatRequest, out: &mut Out) -> Result<(), Unfit> {
    if request.tools.is_empty() {
        return Ok(());
    }
    let mut tools = Vec::new();
    for tool in &request.tools {
        let mut spec = json!({ "name": tool.name, "inputSchema": { "json": tool.parameters } });
        if let Some(description) = tool.description.as_ref().filter(|it| !it.is_empty()) {
            spec["description"] = json!(description);
        }
        if let Some(strict) = tool.strict {
            spec["strict"] = json!(strict);
        }
        tool.extras.foreign_to(Protocol::Bedrock).for_each(|it| out.ignore(it));
        tools.push(json!({ "toolSpec": spec }));
    }
    let choice = match &request.tool_choice {
        ToolChoice::Auto => None,
        // There is no word for it; without tools in the conversation they can be left out.
        ToolChoice::None if !mentions_tools(request) => return Ok(()),
        ToolChoice::None => return Err(Unfit::new("forbidding tools after some were used")),
        ToolChoice::Required => Some(json!({ "any": {} })),
        ToolChoice::Tool(name) => Some(json!({ "tool": { "name": name } })),
    };
    out.set("toolConfig", json!({ "tools": tools }));
    if let Some(choice) = choice {
        out.set_in("toolConfig", "toolChoice", choice);
    }
    if request.parallel_tool_calls.is_some() {
        out.ignore("parallel_tool_calls");
    }
    Ok(())
}

fn mentions_tools(request: &ChatRequest) -> bool {
    let mut parts = request.messages.iter().flat_map(|it| &it.parts);
    parts.any(|it| matches!(it, Part::ToolUse(_) | Part::ToolResult { .. }))
}

fn shape(request: &ChatRequest, out: &mut Out) -> Result<(), Unfit> {
    match &request.response_format {
        ResponseFormat::Text => {}
        ResponseFormat::Json => return Err(Unfit::new("JSON without a schema")),
        ResponseFormat::JsonSchema(it) => {
            // The schema is a text here.
            let mut schema = json!({ "schema": it.schema.to_string(), "name": it.name });
            if let Some(description) = &it.description {
                schema["description"] = json!(description);
            }
            let structure = json!({ "jsonSchema": schema });
            let format = json!({ "type": "json_schema", "structure": structure });
            out.set_in("outputConfig", "textFormat", format);
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

fn sampling(request: &ChatRequest, out: &mut Out) {
    let it = &request.sampling;
    for (name, value) in [
        ("maxTokens", it.max_tokens.map(|it| json!(it))),
        ("temperature", it.temperature.map(|it| json!(it))),
        ("topP", it.top_p.map(|it| json!(it))),
        ("stopSequences", (!it.stop.is_empty()).then(|| json!(it.stop))),
    ] {
        if let Some(value) = value {
            out.set_in("inferenceConfig", name, value);
        }
    }
    let unknown = [
        ("top_k", it.top_k.is_some()),
        ("seed", it.seed.is_some()),
        ("presence_penalty", it.presence_penalty.is_some()),
        ("frequency_penalty", it.frequency_penalty.is_some()),
        ("user", request.user.is_some()),
        ("metadata", !request.metadata.is_empty()),
    ];
    unknown.iter().filter(|(_, said)| *said).for_each(|(name, _)| out.ignore(name));
}

/// A budget is a field of Claude's own; the degree is everybody's.
fn reasoning(request: &ChatRequest, out: &mut Out) {
    match request.reasoning.effort {
        None => {}
        // The least there is is some.
        Some(Effort::None) => out.ignore("reasoning_effort"),
        Some(Effort::Minimal) => {
            out.set_in("outputConfig", "effort", json!("low"));
        }
        Some(effort) => out.set_in("outputConfig", "effort", json!(effort.as_str())),
    }
    match request.reasoning.budget_tokens {
        Some(budget) if request.model.contains("anthropic.") => {
            let thinking = json!({ "type": "enabled", "budget_tokens": budget });
            out.set_in("additionalModelRequestFields", "thinking", thinking);
        }
        Some(_) => out.ignore("budget_tokens"),
        None => {}
    }
}
