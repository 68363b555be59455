//! `POST /v1/chat/completions`.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

use crate::support::{Server, TracesMode, steady};

const PATH: &str = "/v1/chat/completions";

fn body(text: &str) -> serde_json::Value {
    json!({ "model": "tickets", "messages": [
        { "role": "system", "content": "You are a router." },
        { "role": "user", "content": "login" },
        { "role": "assistant", "content": "{}" },
        { "role": "user", "content": text },
    ]})
}

#[tokio::test]
async fn the_last_user_message_is_answered() {
    let server = Server::default().await;
    let mut body = body("billing question");
    body["temperature"] = json!(0);
    let answer = server.post(PATH, &body.to_string()).await.steady();
    assert_json_snapshot!("chat", answer);
}

#[tokio::test]
async fn an_abstention_has_no_label() {
    let server = Server::default().await;
    let answer = server.post(PATH, &body("hm").to_string()).await.ok();
    assert_eq!(answer["freehold"]["outcome"], "abstained");
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    let content: serde_json::Value = serde_json::from_str(content).unwrap();
    assert!(content["label"].is_null() && content["confidence"].is_number(), "{content}");
}

#[tokio::test]
async fn a_task_with_several_labels_says_all_of_them() {
    let server = Server::default().await;
    let mut body = body("billing shipping");
    body["model"] = json!("topics");
    let answer = server.post(PATH, &body.to_string()).await.ok();
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.contains(r#""labels":["billing","shipping"]"#), "{content}");
}

#[tokio::test]
async fn a_stream_is_chunks_and_done() {
    let server = Server::default().await;
    let mut body = body("billing");
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    let reply = server.post(PATH, &body.to_string()).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_snapshot!("chat_stream", steady(&reply.text));
    body["stream_options"] = json!(null);
    let reply = server.post(PATH, &body.to_string()).await;
    assert!(!reply.text.contains("usage"), "{}", reply.text);
}

#[tokio::test]
async fn text_parts_are_read_and_images_are_refused() {
    let server = Server::default().await;
    let ask = |content: serde_json::Value| {
        json!({ "model": "tickets", "messages": [{ "role": "user", "content": content }] })
            .to_string()
    };
    let parts = json!([{ "type": "text", "text": "bil" }, { "type": "text", "text": "ling" }]);
    let answer = server.post(PATH, &ask(parts)).await.ok();
    assert_eq!(answer["freehold"]["labels"][0], "billing");
    let image = json!([{ "type": "image_url", "image_url": { "url": "data:" } }]);
    let message = server.post(PATH, &ask(image)).await.error(400, "invalid_request");
    assert!(message.contains("read text only"), "{message}");
}

#[tokio::test]
async fn errors_have_the_shape_that_openai_clients_read() {
    let server = Server::default().await;
    let mut unknown = body("x");
    unknown["model"] = json!("gpt-4o");
    let reply = server.post(PATH, &unknown.to_string()).await;
    assert_eq!(reply.status, 404);
    assert_json_snapshot!("chat_unknown_model", reply.json());
    let mut tools = body("x");
    tools["tools"] = json!([{ "type": "function" }]);
    let reply = server.post(PATH, &tools.to_string()).await;
    assert_eq!(reply.status, 400);
    assert_json_snapshot!("chat_unsupported", reply.json());
    server.traces.set(TracesMode::Full);
    let reply = server.post(PATH, &body("billing").to_string()).await;
    reply.error(503, "trace_log_full");
    assert_eq!(reply.json()["error"]["type"], "server_error");
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong() {
    let server = Server::default().await;
    let mut client = server.client().await;
    let mut check = async |change: serde_json::Value, code: &str, part: &str| {
        let mut body = body("billing");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let message = client.post(PATH, &body.to_string()).await.error(400, code);
        assert!(message.contains(part), "{body}: {message}");
    };
    check(json!({ "messages": [] }), "invalid_request", "no message of the role `user`").await;
    check(
        json!({ "messages": [{ "role": "wizard", "content": "a" }] }),
        "invalid_request",
        "wizard",
    )
    .await;
    check(json!({ "messages": [{ "role": "user" }] }), "invalid_request", "is a text").await;
    check(json!({ "messages": [{ "role": "user", "content": "" }] }), "invalid_request", "empty")
        .await;
    check(json!({ "messages": "billing" }), "invalid_json", "messages").await;
    check(json!({ "temprature": 1 }), "unknown_parameter", "temprature").await;
    check(json!({ "n": 3 }), "unsupported_parameter", "`n`").await;
    check(json!({ "stream_options": {} }), "invalid_request", "`stream` is true").await;
}
