//! What OpenAI clients send and get.

use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::{
    ChatEvent, Protocol, StopReason, TokenAlternative, TokenLogProb, Usage,
};
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

use super::{CHAT, ask};
use crate::support::{
    Line, Scripted, Server, Setup, finished, hello, model, started, text, usage, with_models,
};

pub async fn serve(script: Vec<Line>) -> (Server, std::sync::Arc<Scripted>) {
    let engine = Scripted::new("cloud", DataClass::Confidential, script);
    let portfolio = with_models(&[model("large", &engine, &[])]);
    (Server::start(Setup { portfolio, ..Setup::default() }).await, engine)
}

/// Everything that an answer can hold: thoughts, text, two tool calls whose arguments alternate.
pub fn everything() -> Vec<Line> {
    let say = |event| Line::Say(event);
    let call = |call: u32, name: &str| {
        say(ChatEvent::ToolCallStarted {
            choice: 0,
            call,
            id: format!("call_{call}"),
            name: name.to_owned(),
            signature: None,
        })
    };
    let arguments = |call: u32, fragment: &str| {
        say(ChatEvent::ToolCallArguments { choice: 0, call, fragment: fragment.to_owned() })
    };
    vec![
        started(),
        say(ChatEvent::Extra {
            protocol: Protocol::OpenAi,
            name: "system_fingerprint".to_owned(),
            value: json!("fp_1"),
        }),
        say(ChatEvent::ThinkingDelta { choice: 0, text: "Two cities".to_owned() }),
        say(ChatEvent::ThinkingSigned { choice: 0, signature: "c2ln".to_owned() }),
        text("I look."),
        call(0, "weather"),
        call(1, "weather"),
        arguments(0, "{\"city\":"),
        arguments(1, "{\"city\":\"Rome\"}"),
        arguments(0, "\"Oslo\"}"),
        say(ChatEvent::ToolCallEnded { choice: 0, call: 1 }),
        say(ChatEvent::ToolCallEnded { choice: 0, call: 0 }),
        finished(StopReason::ToolCalls),
        say(ChatEvent::Usage(Usage {
            input_tokens: 100,
            cached_input_tokens: 60,
            output_tokens: 40,
            reasoning_tokens: 10,
            ..Usage::default()
        })),
    ]
}

fn logprobs() -> Vec<Line> {
    let token = TokenLogProb {
        token: "Hi".to_owned(),
        logprob: -0.25,
        bytes: None,
        top: vec![TokenAlternative { token: "Ho".to_owned(), logprob: -1.5, bytes: None }],
    };
    let second = |event| Line::Say(event);
    vec![
        started(),
        text("Hi"),
        second(ChatEvent::LogProbs { choice: 0, tokens: vec![token] }),
        second(ChatEvent::RefusalDelta { choice: 1, text: "No.".to_owned() }),
        finished(StopReason::MaxTokens),
        second(ChatEvent::Finished { choice: 1, reason: StopReason::Refusal }),
        usage(3, 2),
    ]
}

#[tokio::test]
async fn whole_answers() {
    let (server, engine) = serve(everything()).await;
    assert_json_snapshot!("generated_tools", server.post(CHAT, &ask("?").to_string()).await.ok());
    engine.says(logprobs());
    let answer = server.post(CHAT, &ask("?").to_string()).await.ok();
    assert_json_snapshot!("generated_logprobs", answer);
}

#[tokio::test]
async fn streamed_answers() {
    let (server, engine) = serve(everything()).await;
    let mut body = ask("?");
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    let reply = server.post(CHAT, &body.to_string()).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_snapshot!("generated_tools_stream", reply.text);
    engine.says(logprobs());
    body["stream_options"] = json!(null);
    let reply = server.post(CHAT, &body.to_string()).await;
    assert!(!reply.text.contains("\"usage\""), "{}", reply.text);
    assert_snapshot!("generated_logprobs_stream", reply.text);
}

#[tokio::test]
async fn every_parameter_reaches_the_engine() {
    let (server, engine) = serve(hello()).await;
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let body = json!({
        "model": "large",
        "messages": [
            { "role": "developer", "content": "Be brief." },
            { "role": "user", "name": "ann", "content": [
                { "type": "text", "text": "What is this?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA", "detail": "low" } },
                { "type": "image_url", "image_url": { "url": "https://example.org/a.png" } },
                { "type": "input_audio", "input_audio": { "data": "AA", "format": "wav" } },
            ] },
            { "role": "assistant", "content": "", "reasoning_content": "Hm", "annotations": [], "audio": null,
              "tool_calls": [
                { "id": "a", "type": "function", "function": { "name": "weather", "arguments": "{}" } },
                { "id": "b", "type": "function", "function": { "name": "weather", "arguments": "" } },
            ] },
            { "role": "tool", "tool_call_id": "a", "content": "rain" },
            { "role": "tool", "tool_call_id": "b", "content": [{ "type": "text", "text": "sun" }] },
            { "role": "system", "content": "Hurry." },
            { "role": "assistant", "content": null, "refusal": "No." },
            { "role": "user", "content": "Go on." },
        ],
        "tools": [{ "type": "function", "function": { "name": "weather", "description": "d", "parameters": schema, "strict": true } }],
        "tool_choice": { "type": "function", "function": { "name": "weather" } },
        "parallel_tool_calls": false,
        "response_format": { "type": "json_schema", "json_schema": { "name": "place", "schema": schema, "strict": true } },
        "temperature": 0.5, "top_p": 0.9, "seed": 7, "n": 2, "stop": "END", "max_completion_tokens": 99,
        "presence_penalty": 0.1, "frequency_penalty": -0.1, "logprobs": true, "top_logprobs": 3,
        "reasoning_effort": "low", "user": "u1", "metadata": { "k": "v" }, "service_tier": "flex",
        "logit_bias": { "1": 2 },
    });
    server.post(CHAT, &body.to_string()).await.ok();
    assert_json_snapshot!("generated_request", engine.last());
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong_and_asks_nobody() {
    let (server, engine) = serve(hello()).await;
    let mut client = server.client().await;
    let mut check = async |change: serde_json::Value, status: u16, code: &str, part: &str| {
        let mut body = ask("x");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let message = client.post(CHAT, &body.to_string()).await.error(status, code);
        assert!(message.contains(part), "{body}: {message}");
    };
    let bad = "invalid_request";
    check(json!({ "messages": [] }), 400, bad, "empty").await;
    check(json!({ "messages": [{ "role": "wizard", "content": "a" }] }), 400, bad, "wizard").await;
    check(json!({ "messages": [{ "role": "user" }] }), 400, bad, "messages[0]").await;
    check(json!({ "messages": [{ "role": "user", "content": [{}] }] }), 400, bad, "type").await;
    check(json!({ "messages": [{ "role": "tool", "content": "a" }] }), 400, bad, "tool_call_id")
        .await;
    let call = json!([{ "role": "assistant", "tool_calls": [{ "id": 1 }] }]);
    check(json!({ "messages": call }), 400, bad, "tool_calls").await;
    let odd = json!([{ "role": "user", "content": "a", "colour": 1 }]);
    check(json!({ "messages": odd }), 400, "unknown_parameter", "messages[0].colour").await;
    check(json!({ "temperature": "hot" }), 400, bad, "temperature").await;
    check(json!({ "n": 0 }), 400, bad, "`n`").await;
    check(json!({ "n": 129 }), 400, bad, "128").await;
    check(json!({ "top_logprobs": 2 }), 400, bad, "logprobs: true").await;
    check(json!({ "functions": [] }), 400, "unsupported_parameter", "tools").await;
    check(json!({ "tools": [{ "type": "custom" }] }), 400, "unsupported_parameter", "custom").await;
    check(json!({ "tool_choice": "maybe" }), 400, "unsupported_parameter", "required").await;
    check(json!({ "response_format": { "type": "xml" } }), 400, bad, "response_format").await;
    check(json!({ "stop": vec!["a"; 65] }), 413, "too_large", "stop").await;
    let tool = json!({ "type": "function", "function": { "name": "f" } });
    check(json!({ "tools": vec![tool; 513] }), 413, "too_large", "tools").await;
    let part = json!({ "type": "text", "text": "a" });
    let many = json!([{ "role": "user", "content": vec![part; 8193] }]);
    check(json!({ "messages": many }), 413, "too_large", "messages").await;
    let deep = "[".repeat(200) + &"]".repeat(200);
    let body = ask("x").to_string().replace("\"x\"", &deep);
    server.post(CHAT, &body).await.error(400, "invalid_json");
    assert_eq!(engine.times(), 0);
}
