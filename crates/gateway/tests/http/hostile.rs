//! Whatever is sent, the answer is the caller's error and never the server's.

use axum::body::Body;
use axum::http::Request;
use freehold_gateway::router::router;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Scripted, Setup, app, hello, model, with_models};
use freehold_vocabulary::DataClass;

const PATHS: [&str; 9] = [
    "/v1/tasks/tickets/predict",
    "/v1/tasks/topics/predict",
    "/v1/systemone",
    "/v1/chat/completions",
    "/v1/feedback",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/completions",
    "/v1/embeddings",
];

/// Words that lead deep into the endpoints.
const WORDS: [&str; 40] = [
    "inputs",
    "text",
    "top_k",
    "model",
    "state",
    "questions",
    "type",
    "criteria",
    "choice",
    "score",
    "noul",
    "true",
    "messages",
    "role",
    "user",
    "content",
    "stream",
    "n",
    "trace_id",
    "kind",
    "correction",
    "labels",
    "tickets",
    "billing",
    "large",
    "assistant",
    "tool",
    "tool_calls",
    "tool_use",
    "tool_result",
    "thinking",
    "system",
    "tools",
    "tool_choice",
    "response_format",
    "json_schema",
    "input",
    "image_url",
    "source",
    "stop",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(word(), inner, 0..6).prop_map(|fields| json!(fields)),
        ]
    })
}

fn valid(path: &str) -> Value {
    match path {
        "/v1/systemone" => json!({ "model": "tickets", "state": "billing", "questions": {
            "q": { "type": "choice", "criteria": { "billing": null, "login": null } },
            "r": { "type": "noul", "criteria": { "true": "billing" } },
        }}),
        "/v1/chat/completions" => json!({ "model": "large", "stream": false, "stop": ["x"],
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "billing" }] }],
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": {} } }],
            "response_format": { "type": "json_schema", "json_schema": { "name": "a", "schema": {} } },
        }),
        "/v1/messages" | "/v1/messages/count_tokens" => json!({ "model": "large", "max_tokens": 9,
            "system": [{ "type": "text", "text": "a", "cache_control": { "type": "ephemeral" } }],
            "messages": [{ "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "a", "content": "b" },
                { "type": "image", "source": { "type": "url", "url": "https://a" } },
            ] }],
            "thinking": { "type": "enabled", "budget_tokens": 9 }, "tool_choice": { "type": "any" },
        }),
        "/v1/completions" => json!({ "model": "large", "prompt": "a", "logprobs": 1, "n": 1 }),
        "/v1/embeddings" => json!({ "model": "large", "input": ["a"], "encoding_format": "float" }),
        "/v1/feedback" => json!({ "trace_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "kind": "correction", "labels": ["billing"] }),
        _ => json!({ "inputs": ["billing", { "text": "login" }], "top_k": 2 }),
    }
}

/// Puts something else at some place of a value.
fn mutate(value: &mut Value, mut place: usize, other: &Value) {
    fn visit(value: &mut Value, place: &mut usize, other: &Value) -> bool {
        if *place == 0 {
            *value = other.clone();
            return true;
        }
        *place -= 1;
        match value {
            Value::Array(items) => items.iter_mut().any(|it| visit(it, place, other)),
            Value::Object(fields) => fields.values_mut().any(|it| visit(it, place, other)),
            _ => false,
        }
    }
    visit(value, &mut place, other);
}

fn check(strategy: impl Strategy<Value = (usize, Vec<u8>)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = Scripted::new("cloud", DataClass::Internal, hello());
    let portfolio = with_models(&[model("large", &engine, &[])]);
    let (app, ..) = runtime.block_on(app(Setup { portfolio, ..Setup::default() }));
    let service = router(app);
    let config = Config { cases: 1500, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let ran = runner.run(&strategy, |(path, body)| {
        let request = Request::post(PATHS[path]).header("content-type", "application/json");
        let request = request.body(Body::from(body.clone())).unwrap();
        let status = runtime.block_on(service.clone().oneshot(request)).unwrap().status();
        let shown = String::from_utf8_lossy(&body);
        prop_assert!(
            status == 501 || !status.is_server_error(),
            "{}: {status} {shown}",
            PATHS[path]
        );
        Ok(())
    });
    if let Err(cause) = ran {
        panic!("{cause}");
    }
}

#[test]
fn any_bytes() {
    check((0..PATHS.len(), vec(any::<u8>(), 0..200)));
}

#[test]
fn any_json_value() {
    check(
        (0..PATHS.len(), any_json()).prop_map(|(path, body)| (path, body.to_string().into_bytes())),
    );
}

#[test]
fn almost_valid_requests() {
    let strategy = (0..PATHS.len(), 0usize..24, any_json());
    check(strategy.prop_map(|(path, place, other)| {
        let mut body = valid(PATHS[path]);
        mutate(&mut body, place, &other);
        (path, body.to_string().into_bytes())
    }));
}

#[test]
fn truncated_and_flipped_requests() {
    let strategy = (0..PATHS.len(), 0usize..200, 0usize..200, any::<u8>());
    check(strategy.prop_map(|(path, cut, place, byte)| {
        let mut body = valid(PATHS[path]).to_string().into_bytes();
        body.truncate(body.len().min(cut.max(1)));
        let place = place % body.len();
        body[place] = byte;
        (path, body)
    }));
}
