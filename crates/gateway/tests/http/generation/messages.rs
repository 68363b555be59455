//! What Anthropic clients send and get.

use axum::body::Body;
use axum::http::Request;
use freehold_gateway::Access;
use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::StopReason;
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

use super::chat::{everything, serve};
use super::same::events;
use crate::support::{
    Line, Scripted, Server, Setup, finished, hello, model, started, steady, text, usage,
    with_models,
};

const MESSAGES: &str = "/v1/messages";

fn ask(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 99, "messages": [{ "role": "user", "content": "billing" }] })
}

#[tokio::test]
async fn whole_and_streamed_answers() {
    let (server, engine) = serve(everything()).await;
    assert_json_snapshot!("message", server.post(MESSAGES, &ask("large").to_string()).await.ok());
    let mut body = ask("large");
    body["stream"] = json!(true);
    let reply = server.post(MESSAGES, &body.to_string()).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_snapshot!("message_stream", reply.text);
    // An engine that counts what it reads first lets the beginning say so.
    let sequence = StopReason::StopSequence { sequence: Some("END".to_owned()) };
    engine.says(vec![started(), usage(7, 0), text("a"), finished(sequence), usage(7, 1)]);
    let reply = server.post(MESSAGES, &body.to_string()).await;
    assert_snapshot!("message_stream_usage_first", reply.text);
}

#[tokio::test]
async fn every_parameter_reaches_the_engine() {
    let (server, engine) = serve(hello()).await;
    let schema = json!({ "type": "object" });
    let body = json!({
        "model": "large", "max_tokens": 99, "temperature": 0.5, "top_k": 5, "top_p": 0.9,
        "stop_sequences": ["END"], "metadata": { "user_id": "u1" }, "service_tier": "auto",
        "system": [{ "type": "text", "text": "Be brief.", "cache_control": { "type": "ephemeral", "ttl": "1h" } }],
        "messages": [
            { "role": "user", "content": [
                { "type": "text", "text": "What is this?" },
                { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AAAA" } },
                { "type": "document", "source": { "type": "url", "url": "https://example.org/a.pdf" } },
            ] },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "Hm", "signature": "c2ln" },
                { "type": "redacted_thinking", "data": "AA" },
                { "type": "tool_use", "id": "a", "name": "weather", "input": { "city": "Oslo" } },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "a", "is_error": true, "content": [{ "type": "text", "text": "no" }] },
                { "type": "text", "text": "Go on.", "cache_control": { "type": "ephemeral" } },
            ] },
        ],
        "tools": [{ "name": "weather", "description": "d", "input_schema": schema, "cache_control": { "type": "ephemeral" } }],
        "tool_choice": { "type": "tool", "name": "weather", "disable_parallel_tool_use": true },
        "thinking": { "type": "enabled", "budget_tokens": 1024 },
    });
    server.post(MESSAGES, &body.to_string()).await.ok();
    assert_json_snapshot!("message_request", engine.last());
}

#[tokio::test]
async fn a_task_answers_here_too() {
    let server = Server::default().await;
    let mut answer = server.post(MESSAGES, &ask("tickets").to_string()).await.steady();
    let trace = answer["freehold"]["trace_id"].as_str().unwrap().to_owned();
    assert_eq!(answer["freehold"]["labels"], json!(["billing"]));
    assert_eq!(server.traces.get(&trace).unwrap().endpoint, "messages");
    answer["freehold"] = json!(null);
    assert_json_snapshot!("message_task", answer);
    let mut body = ask("tickets");
    body["stream"] = json!(true);
    let reply = server.post(MESSAGES, &body.to_string()).await;
    let sent = events(&reply.text);
    let kinds: Vec<&str> = sent.iter().map(|it| it["type"].as_str().unwrap()).collect();
    let block = ["content_block_start", "content_block_delta", "content_block_stop"];
    let (first, last) = (["message_start", "ping"], ["message_delta", "message_stop"]);
    assert_eq!(kinds, [&first[..], &block, &last].concat());
    let text = &answer["content"][0]["text"];
    assert_eq!(&json!(steady(sent[3]["delta"]["text"].as_str().unwrap())), text);
    body["tools"] = json!([{ "name": "f", "input_schema": {} }]);
    let reply = server.post(MESSAGES, &body.to_string()).await;
    assert_eq!(reply.json()["error"]["code"], "unsupported_parameter");
}

#[tokio::test]
async fn errors_have_the_shape_that_anthropic_clients_read() {
    let (server, engine) = serve(vec![Line::Fail(hello_error())]).await;
    let check = async |body: Value, status: u16, kind: &str, code: &str| {
        let reply = server.post(MESSAGES, &body.to_string()).await;
        let error = reply.json();
        assert_eq!((reply.status.as_u16(), &error["type"]), (status, &json!("error")), "{error}");
        assert_eq!(
            (&error["error"]["type"], &error["error"]["code"]),
            (&json!(kind), &json!(code))
        );
        assert!(error["request_id"].is_string());
    };
    check(ask("large"), 503, "overloaded_error", "engine_unavailable").await;
    check(ask("nothing"), 404, "not_found_error", "model_not_found").await;
    let mut bad = ask("large");
    bad["max_tokens"] = json!(null);
    check(bad, 400, "invalid_request_error", "invalid_request").await;
    let system = json!([{ "role": "system", "content": "a" }]);
    let bad = json!({ "model": "large", "max_tokens": 1, "messages": system });
    check(bad, 400, "invalid_request_error", "invalid_request").await;
    engine.says(vec![started(), text("Hal"), Line::Fail(hello_error())]);
    let mut body = ask("large");
    body["stream"] = json!(true);
    let reply = server.post(MESSAGES, &body.to_string()).await;
    assert!(reply.text.contains("event: error\n") && !reply.text.contains("message_stop"));
}

fn hello_error() -> freehold_vocabulary::chat::ChatError {
    Scripted::new("cloud", DataClass::Internal, Vec::new()).error("unavailable")
}

#[tokio::test]
async fn a_denial_is_a_permission_error() {
    let engine = Scripted::new("cloud", DataClass::Public, hello());
    let portfolio = with_models(&[model("large", &engine, &[])]);
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    let reply = server.post(MESSAGES, &ask("large").to_string()).await;
    assert_eq!((reply.status.as_u16(), engine.times()), (403, 0));
    let error = reply.json()["error"].clone();
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("permission_error"), &json!("egress_denied"))
    );
}

#[tokio::test]
async fn tokens_are_estimated_and_the_header_says_so() {
    let (server, engine) = serve(hello()).await;
    for model in ["large", "tickets"] {
        let body =
            json!({ "model": model, "messages": [{ "role": "user", "content": "12345678" }] });
        let reply = server.post("/v1/messages/count_tokens", &body.to_string()).await;
        assert_eq!(reply.ok(), json!({ "input_tokens": 2 }));
        assert_eq!(reply.header("x-freehold-token-count"), Some("estimate"));
    }
    assert_eq!(engine.times(), 0);
}

#[tokio::test]
async fn both_headers_carry_a_key() {
    let server = Server::start(Setup { access: Access::Keys, ..Setup::default() }).await;
    for header in ["x-api-key", "authorization"] {
        let request = Request::post(MESSAGES)
            .header("content-type", "application/json")
            .header(header, if header == "x-api-key" { "fh-none" } else { "Bearer fh-none" })
            .body(Body::from(ask("tickets").to_string()));
        let reply = server.client().await.send(request.unwrap()).await;
        assert_eq!(reply.json()["error"]["type"], "authentication_error");
        assert_eq!(reply.json()["error"]["code"], "invalid_api_key");
    }
}
