//! A completion as server-sent events, for clients that always ask for a stream.
//!
//! A classifier has its whole answer at once, so the stream is complete when it begins; an error
//! is therefore always a plain answer with its own status.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::classify::{Completion, Freehold, Usage};

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<ChunkChoice>,
    /// With `include_usage`, null in every chunk but the last, as the protocol has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<&'a Usage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freehold: Option<&'a Freehold>,
}

#[derive(Serialize)]
struct ChunkChoice {
    index: u32,
    delta: Value,
    logprobs: (),
    finish_reason: Option<&'static str>,
}

/// Role, content, end, and the usage if it is wanted; then `[DONE]`.
pub(crate) fn stream(completion: &Completion, with_usage: bool) -> Response {
    let chunk = |choices: Vec<ChunkChoice>| Chunk {
        id: &completion.id,
        object: "chat.completion.chunk",
        created: completion.created,
        model: &completion.model,
        choices,
        usage: with_usage.then_some(None),
        freehold: None,
    };
    let choice = |delta: Value, finish_reason| {
        vec![ChunkChoice { index: 0, delta, logprobs: (), finish_reason }]
    };
    let role = json!({ "role": "assistant", "content": "", "refusal": null });
    let mut chunks = vec![
        chunk(choice(role, None)),
        chunk(choice(json!({ "content": completion.content() }), None)),
        Chunk { freehold: Some(&completion.freehold), ..chunk(choice(json!({}), Some("stop"))) },
    ];
    if with_usage {
        chunks.push(Chunk { usage: Some(Some(&completion.usage)), ..chunk(Vec::new()) });
    }
    let mut body = String::with_capacity(2048);
    for chunk in &chunks {
        let data = serde_json::to_string(chunk).expect("a chunk has string keys");
        body.push_str("data: ");
        body.push_str(&data);
        body.push_str("\n\n");
    }
    body.push_str("data: [DONE]\n\n");
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    let fresh = HeaderValue::from_static("no-cache");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, fresh)], body).into_response()
}
