//! A request in OpenAI's words.

use freehold_vocabulary::chat::{
    ChatRequest, Delivery, JsonSchema, Opening, Protocol, ResponseFormat, Tool, ToolChoice,
};
use serde_json::{Map, Value, json};

use super::content::{self, Out};
use super::{Dialect, JsonForm, Resumes, StreamUsage};
use crate::remote::wire::{Call, Unfit};

/// Fields that decide how the answer comes; extras must not.
const RESERVED: [&str; 3] = ["stream", "stream_options", "n"];

pub(super) fn chat(dialect: &Dialect, request: &ChatRequest) -> Result<Call, Unfit> {
    if !dialect.chat {
        return Err(Unfit::new("chat: it only makes vectors"));
    }
    let mut out = Out::default();
    let messages = content::messages(dialect, request, &mut out)?;
    let body = &mut out.body;
    body.insert("model".to_owned(), json!(request.model));
    body.insert("messages".to_owned(), Value::Array(messages));
    if request.delivery == Delivery::Streamed {
        body.insert("stream".to_owned(), json!(true));
        let options = match dialect.stream_usage {
            StreamUsage::ByItself => None,
            StreamUsage::AtTheEnd => Some(json!({ "include_usage": true })),
            StreamUsage::Continuous => {
                Some(json!({ "include_usage": true, "continuous_usage_stats": true }))
            }
        };
        body.extend(options.map(|it| ("stream_options".to_owned(), it)));
    }
    if request.opening == Opening::Resume && dialect.resumes == Resumes::WhenTold {
        body.insert("continue_final_message".to_owned(), json!(true));
        body.insert("add_generation_prompt".to_owned(), json!(false));
    }
    tools(dialect, request, &mut out)?;
    format(dialect, &request.response_format, &mut out)?;
    sampling(dialect, request, &mut out)?;
    wishes(dialect, request, &mut out);
    extras(request, &mut out);
    let (path, headers) = ("/chat/completions".to_owned(), Vec::new());
    Ok(Call {
        headers,
        body: Some(Value::Object(out.body)),
        ignored: out.ignored,
        ..Call::get(path)
    })
}

fn tools(dialect: &Dialect, request: &ChatRequest, out: &mut Out) -> Result<(), Unfit> {
    if request.tools.is_empty() {
        return Ok(());
    }
    let tools = request.tools.iter().map(|it| tool(it, out)).collect();
    out.set("tools", Value::Array(tools));
    let choice = match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!(dialect.required_word)),
        ToolChoice::Tool(name) => Some(json!({ "type": "function", "function": { "name": name } })),
    };
    match choice {
        Some(_) if !dialect.tool_choice => return Err(Unfit::new("a forced choice of tools")),
        Some(choice) => out.set("tool_choice", choice),
        None => {}
    }
    if let Some(parallel) = request.parallel_tool_calls {
        out.wish(dialect.parallel_tool_calls, "parallel_tool_calls", json!(parallel));
    }
    Ok(())
}

fn tool(tool: &Tool, out: &mut Out) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), json!(description));
    }
    function.insert("parameters".to_owned(), tool.parameters.clone());
    if let Some(strict) = tool.strict {
        function.insert("strict".to_owned(), json!(strict));
    }
    for (name, value) in tool.extras.of(Protocol::OpenAi) {
        function.entry(name).or_insert_with(|| value.clone());
    }
    tool.extras.foreign_to(Protocol::OpenAi).for_each(|it| out.ignore(it));
    json!({ "type": "function", "function": function })
}

fn format(dialect: &Dialect, format: &ResponseFormat, out: &mut Out) -> Result<(), Unfit> {
    let value = match (format, dialect.json) {
        (ResponseFormat::Text, _) => return Ok(()),
        (ResponseFormat::Json, _) => json!({ "type": "json_object" }),
        (ResponseFormat::JsonSchema(_), JsonForm::ObjectOnly) => {
            return Err(Unfit::new("answers by a JSON schema"));
        }
        (ResponseFormat::JsonSchema(it), JsonForm::Value) => {
            json!({ "type": "json_schema", "json_schema": { "name": it.name, "value": it.schema, "schema": it.schema } })
        }
        (ResponseFormat::JsonSchema(it), JsonForm::Named) => {
            json!({ "type": "json_schema", "json_schema": named(it) })
        }
    };
    out.set("response_format", value);
    Ok(())
}

fn named(schema: &JsonSchema) -> Value {
    let mut named = Map::new();
    named.insert("name".to_owned(), json!(schema.name));
    if let Some(description) = &schema.description {
        named.insert("description".to_owned(), json!(description));
    }
    named.insert("schema".to_owned(), schema.schema.clone());
    if let Some(strict) = schema.strict {
        named.insert("strict".to_owned(), json!(strict));
    }
    Value::Object(named)
}

fn sampling(dialect: &Dialect, request: &ChatRequest, out: &mut Out) -> Result<(), Unfit> {
    let it = &request.sampling;
    if let Some(n) = it.n.filter(|n| *n != 1) {
        if n > dialect.choices_max || n == 0 {
            return Err(Unfit::new(format!("{n} choices in one request")));
        }
        out.set("n", json!(n));
    }
    if let Some(alternatives) = it.logprobs {
        if !dialect.logprobs {
            return Err(Unfit::new("log-probabilities"));
        }
        out.set("logprobs", json!(true));
        if alternatives > 0 {
            out.set("top_logprobs", json!(alternatives));
        }
    }
    if let Some(max_tokens) = it.max_tokens {
        out.set(dialect.max_tokens_field, json!(max_tokens));
    }
    if !it.stop.is_empty() {
        out.set("stop", json!(it.stop));
    }
    for (name, value) in [("temperature", it.temperature), ("top_p", it.top_p)] {
        if let Some(value) = value {
            out.set(name, json!(value));
        }
    }
    let penalties =
        [("presence_penalty", it.presence_penalty), ("frequency_penalty", it.frequency_penalty)];
    for (name, value) in penalties {
        if let Some(value) = value {
            out.wish(dialect.penalties, name, json!(value));
        }
    }
    if let Some(top_k) = it.top_k {
        out.wish(dialect.top_k, "top_k", json!(top_k));
    }
    if let Some(seed) = it.seed {
        out.wish(dialect.seed_field.is_some(), dialect.seed_field.unwrap_or("seed"), json!(seed));
    }
    Ok(())
}

fn wishes(dialect: &Dialect, request: &ChatRequest, out: &mut Out) {
    if let Some(effort) = request.reasoning.effort {
        out.wish(dialect.reasoning_effort, "reasoning_effort", json!(effort.as_str()));
    }
    if request.reasoning.budget_tokens.is_some() {
        out.ignore("budget_tokens");
    }
    if let Some(user) = &request.user {
        out.wish(dialect.user, "user", json!(user));
    }
    if !request.metadata.is_empty() {
        out.wish(dialect.metadata, "metadata", json!(request.metadata));
    }
}

fn extras(request: &ChatRequest, out: &mut Out) {
    for (name, value) in request.extras.of(Protocol::OpenAi) {
        if RESERVED.contains(&name) || out.body.contains_key(name) {
            out.ignore(name);
        } else {
            out.set(name, value.clone());
        }
    }
    request.extras.foreign_to(Protocol::OpenAi).for_each(|it| out.ignore(it));
}
