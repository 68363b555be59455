//! Embeddings and older completions.

use freehold_vocabulary::DataClass;
use freehold_vocabulary::chat::{ChatEvent, TokenLogProb};
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

use super::chat::serve;
use crate::support::{Line, Scripted, Server, Setup, hello, model, with_models};

#[tokio::test]
async fn embeddings() {
    let (server, engine) = serve(Vec::new()).await;
    let body = json!({ "model": "large", "input": ["abc", "de"] });
    let answer = server.post("/v1/embeddings", &body.to_string()).await.ok();
    assert_json_snapshot!("embeddings", answer);
    let trace = server.traces.all().pop().unwrap().generation.unwrap();
    assert_eq!((trace.usage.input_tokens, trace.cost.unwrap().picos), (6, 15_000_000));
    for (input, count) in [(json!("abc"), 1), (json!([1, 2]), 1), (json!([[1, 2], [3]]), 2)] {
        let body = json!({ "model": "large", "input": input, "encoding_format": "base64" });
        let answer = server.post("/v1/embeddings", &body.to_string()).await.ok();
        assert_eq!(answer["data"].as_array().unwrap().len(), count, "{answer}");
        assert!(answer["data"][0]["embedding"].is_string());
    }
    for (input, code) in [
        (json!([]), "invalid_request"),
        (json!([""]), "invalid_request"),
        (json!([[]]), "invalid_request"),
        (json!({}), "invalid_json"),
    ] {
        let body = json!({ "model": "large", "input": input });
        server.post("/v1/embeddings", &body.to_string()).await.error(400, code);
    }
    let body = json!({ "model": "tickets", "input": "a" });
    let message =
        server.post("/v1/embeddings", &body.to_string()).await.error(400, "invalid_request");
    assert!(message.contains("is a task"), "{message}");
    engine.says(vec![Line::Fail(engine.error("unavailable"))]);
    let body = json!({ "model": "large", "input": "a" });
    server.post("/v1/embeddings", &body.to_string()).await.error(503, "engine_unavailable");
}

#[tokio::test]
async fn embeddings_obey_the_same_rules() {
    let engine = Scripted::new("cloud", DataClass::Public, Vec::new());
    let portfolio = with_models(&[model("large", &engine, &[])]);
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    let body = json!({ "model": "large", "input": "a" });
    server.post("/v1/embeddings", &body.to_string()).await.error(403, "egress_denied");
}

#[tokio::test]
async fn older_completions() {
    let (server, engine) = serve(hello()).await;
    let mut body = json!({ "model": "large", "prompt": ["Once"], "max_tokens": 9, "logprobs": 1 });
    let path = "/v1/completions";
    let mut script = hello();
    let (token, bytes, top) = ("Hel".to_owned(), None, Vec::new());
    let tokens = vec![TokenLogProb { token, logprob: -0.5, bytes, top }];
    script.insert(2, Line::Say(ChatEvent::LogProbs { choice: 0, tokens }));
    engine.says(script);
    assert_json_snapshot!("completion", server.post(path, &body.to_string()).await.ok());
    assert_eq!(engine.last().sampling.max_tokens, Some(9));
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    assert_snapshot!("completion_stream", server.post(path, &body.to_string()).await.text);
    for (change, code) in [
        (json!({ "prompt": ["a", "b"] }), "invalid_request"),
        (json!({ "prompt": [1, 2] }), "invalid_request"),
        (json!({ "echo": true }), "unsupported_parameter"),
    ] {
        let mut body = body.clone();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        server.post(path, &body.to_string()).await.error(400, code);
    }
}
