//! A request in Gemini's words.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{
    ChatRequest, Delivery, Effort, ImageSource, Part, Protocol, ResponseFormat, Role, ToolChoice,
};
use serde_json::{Map, Value, json};

use crate::remote::wire::{Call, Unfit};

#[derive(Debug, Default)]
struct Out {
    body: Map<String, Value>,
    generation: Map<String, Value>,
    ignored: Vec<String>,
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
    // Results name the function here, not the call.
    let mut names = BTreeMap::new();
    let mut system = parts(&request.system, &mut names, &mut out)?;
    let mut contents: Vec<Value> = Vec::new();
    for message in &request.messages {
        let content = parts(&message.parts, &mut names, &mut out)?;
        match message.role {
            Role::System => system.extend(content),
            Role::User => add(&mut contents, "user", content),
            Role::Assistant => add(&mut contents, "model", content),
        }
        if message.name.is_some() {
            out.ignore("name");
        }
    }
    if !system.is_empty() {
        out.set("systemInstruction", json!({ "parts": system }));
    }
    out.set("contents", Value::Array(contents));
    tools(request, &mut out);
    sampling(request, &mut out)?;
    reasoning(request, &mut out);
    for (name, value) in request.extras.of(Protocol::Gemini) {
        match name {
            "generationConfig" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    out.generation.entry(name).or_insert_with(|| value.clone());
                }
            }
            _ if out.body.contains_key(name) => out.ignore(name),
            _ => out.set(name, value.clone()),
        }
    }
    request.extras.foreign_to(Protocol::Gemini).for_each(|it| out.ignore(it));
    if !out.generation.is_empty() {
        let generation = std::mem::take(&mut out.generation);
        out.set("generationConfig", Value::Object(generation));
    }
    let path = match request.delivery {
        Delivery::Whole => super::model_path(&request.model, "generateContent")?,
        Delivery::Streamed => super::model_path(&request.model, "streamGenerateContent?alt=sse")?,
    };
    let body = Some(Value::Object(out.body));
    Ok(Call { body, ignored: out.ignored, ..Call::get(path) })
}

/// Turns alternate here too.
fn add(contents: &mut Vec<Value>, role: &str, parts: Vec<Value>) {
    if parts.is_empty() {
        return;
    }
    match contents.last_mut() {
        Some(last) if last["role"] == role => {
            if let Some(before) = last["parts"].as_array_mut() {
                before.extend(parts);
            }
        }
        _ => contents.push(json!({ "role": role, "parts": parts })),
    }
}

fn parts(
    parts: &[Part],
    names: &mut BTreeMap<String, String>,
    out: &mut Out,
) -> Result<Vec<Value>, Unfit> {
    let mut values = Vec::new();
    for part in parts {
        match part {
            Part::Text { text } | Part::Refusal { text } => {
                if !text.is_empty() {
                    values.push(json!({ "text": text }));
                }
            }
            Part::Image { source, .. } => values.push(image(source)),
            Part::ToolUse(tool) => {
                names.insert(tool.id.clone(), tool.name.clone());
                let text = if tool.arguments.trim().is_empty() { "{}" } else { &tool.arguments };
                let args: Map<String, Value> = serde_json::from_str(text).map_err(|_| {
                    Unfit::new(format!("arguments that are no JSON object (tool `{}`)", tool.name))
                })?;
                let call = json!({ "id": tool.id, "name": tool.name, "args": args });
                let mut value = json!({ "functionCall": call });
                if let Some(signature) = &tool.signature {
                    value["thoughtSignature"] = json!(signature);
                }
                values.push(value);
            }
            Part::ToolResult { id, content, is_error } => {
                let name = names.get(id).ok_or_else(|| {
                    Unfit::new(format!("a result for `{id}`, which no tool use before it names"))
                })?;
                let response = result(content, *is_error)?;
                values.push(json!({
                    "functionResponse": { "id": id, "name": name, "response": response }
                }));
            }
            // Thoughts are not given back, signatures travel with the calls.
            Part::Thinking { .. } | Part::RedactedThinking { .. } => out.ignore("thinking"),
            Part::CachePoint { .. } => out.ignore("cache_control"),
            Part::Foreign { protocol: Protocol::Gemini, value } => values.push(value.clone()),
            Part::Foreign { protocol, .. } => {
                return Err(Unfit::new(format!("parts that only {protocol} knows")));
            }
        }
    }
    Ok(values)
}

/// A result is an object here.
fn result(content: &[Part], is_error: bool) -> Result<Value, Unfit> {
    let mut text = String::new();
    for part in content {
        match part {
            Part::Text { text: more } => text.push_str(more),
            _ => return Err(Unfit::new("results of tools other than texts")),
        }
    }
    let key = if is_error { "error" } else { "output" };
    match serde_json::from_str::<Value>(&text) {
        Ok(value @ Value::Object(_)) if !is_error => Ok(value),
        _ => Ok(json!({ key: text })),
    }
}

fn image(source: &ImageSource) -> Value {
    match source {
        ImageSource::Url { url } => json!({ "fileData": { "fileUri": url } }),
        ImageSource::Base64 { media_type, data } => {
            json!({ "inlineData": { "mimeType": media_type, "data": data } })
        }
    }
}

fn tools(request: &ChatRequest, out: &mut Out) {
    if request.tools.is_empty() {
        return;
    }
    let mut declarations = Vec::new();
    for tool in &request.tools {
        let mut value = json!({ "name": tool.name, "parametersJsonSchema": tool.parameters });
        if let Some(description) = &tool.description {
            value["description"] = json!(description);
        }
        if tool.strict.is_some() {
            out.ignore("strict");
        }
        tool.extras.foreign_to(Protocol::Gemini).for_each(|it| out.ignore(it));
        declarations.push(value);
    }
    out.set("tools", json!([{ "functionDeclarations": declarations }]));
    let config = match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!({ "mode": "NONE" })),
        ToolChoice::Required => Some(json!({ "mode": "ANY" })),
        ToolChoice::Tool(name) => Some(json!({ "mode": "ANY", "allowedFunctionNames": [name] })),
    };
    if let Some(config) = config {
        out.set("toolConfig", json!({ "functionCallingConfig": config }));
    }
    if request.parallel_tool_calls.is_some() {
        out.ignore("parallel_tool_calls");
    }
}

fn sampling(request: &ChatRequest, out: &mut Out) -> Result<(), Unfit> {
    let it = &request.sampling;
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.generation.insert(name.to_owned(), value);
        }
    };
    set("temperature", it.temperature.map(|it| json!(it)));
    set("topP", it.top_p.map(|it| json!(it)));
    set("topK", it.top_k.map(|it| json!(it)));
    set("seed", it.seed.map(|it| json!(it)));
    set("candidateCount", it.n.filter(|n| *n != 1).map(|it| json!(it)));
    set("stopSequences", (!it.stop.is_empty()).then(|| json!(it.stop)));
    set("maxOutputTokens", it.max_tokens.map(|it| json!(it)));
    set("presencePenalty", it.presence_penalty.map(|it| json!(it)));
    set("frequencyPenalty", it.frequency_penalty.map(|it| json!(it)));
    if let Some(alternatives) = it.logprobs {
        set("responseLogprobs", Some(json!(true)));
        set("logprobs", (alternatives > 0).then(|| json!(alternatives)));
    }
    match &request.response_format {
        ResponseFormat::Text => {}
        ResponseFormat::Json => set("responseMimeType", Some(json!("application/json"))),
        ResponseFormat::JsonSchema(schema) => {
            set("responseMimeType", Some(json!("application/json")));
            set("responseJsonSchema", Some(schema.schema.clone()));
        }
    }
    if it.n == Some(0) {
        return Err(Unfit::new("0 choices in one request"));
    }
    if request.user.is_some() {
        out.ignore("user");
    }
    if !request.metadata.is_empty() {
        out.ignore("metadata");
    }
    Ok(())
}

fn reasoning(request: &ChatRequest, out: &mut Out) {
    let mut config = Map::new();
    if let Some(budget) = request.reasoning.budget_tokens {
        config.insert("thinkingBudget".to_owned(), json!(budget));
    } else if let Some(effort) = request.reasoning.effort {
        let (name, value) = match effort {
            Effort::None => ("thinkingBudget", json!(0)),
            Effort::Minimal => ("thinkingLevel", json!("minimal")),
            Effort::Low => ("thinkingLevel", json!("low")),
            Effort::Medium => ("thinkingLevel", json!("medium")),
            Effort::High | Effort::Xhigh | Effort::Max => ("thinkingLevel", json!("high")),
        };
        config.insert(name.to_owned(), value);
    }
    if !config.is_empty() {
        out.generation.insert("thinkingConfig".to_owned(), Value::Object(config));
    }
}
