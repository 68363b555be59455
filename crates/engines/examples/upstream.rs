//! A model server that does not think: the same answer of about a kilobyte, at once.
//!
//! `upstream PORT`: what a gateway is measured in front of. `"stream": true` gives the answer in
//! 32 pieces and the usage after them, as OpenAI's protocol has it.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

const MODEL: &str = "still";
const PIECES: usize = 32;
const PIECE: &str = "Every answer is the same, word by word. ";

fn usage() -> Value {
    json!({"prompt_tokens": 64, "completion_tokens": 256, "total_tokens": 320})
}

fn whole() -> String {
    let message = json!({"role": "assistant", "content": PIECE.repeat(PIECES)});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let head = ("chatcmpl-still", "chat.completion");
    json!({"id": head.0, "object": head.1, "created": 1, "model": MODEL, "choices": [choice], "usage": usage()})
        .to_string()
}

fn streamed() -> String {
    let chunk = |choices: Value, usage: Value| {
        let object = "chat.completion.chunk";
        let it = json!({"id": "chatcmpl-still", "object": object, "created": 1, "model": MODEL, "choices": choices, "usage": usage});
        format!("data: {it}\n\n")
    };
    let choice =
        |delta: Value, end: Value| json!([{"index": 0, "delta": delta, "finish_reason": end}]);
    let mut text =
        chunk(choice(json!({"role": "assistant", "content": ""}), Value::Null), Value::Null);
    for _ in 0..PIECES {
        text += &chunk(choice(json!({"content": PIECE}), Value::Null), Value::Null);
    }
    text += &chunk(choice(json!({}), json!("stop")), Value::Null);
    text += &chunk(json!([]), usage());
    text + "data: [DONE]\n\n"
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).expect("a port");
    let (whole, streamed) = (Bytes::from(whole()), Bytes::from(streamed()));
    let answer = async move |body: Bytes| -> Response {
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        if asked["stream"] == true {
            ([(CONTENT_TYPE, "text/event-stream")], streamed.clone()).into_response()
        } else {
            ([(CONTENT_TYPE, "application/json")], whole.clone()).into_response()
        }
    };
    let models = json!({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "nobody"}]});
    let app = Router::new()
        .route("/v1/chat/completions", post(answer))
        .route("/v1/models", get(async move || axum::Json(models.clone())));
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a free port");
    println!("listening on http://{}", listener.local_addr().expect("a bound socket"));
    axum::serve(listener, app).await.expect("a listener");
}
