//! Converse as Amazon documents it, with frames of its own event stream.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::{Value, json};

use super::{Reply, Step, misfortune};

pub fn reply(path: &str, body: &Value) -> Reply {
    match path {
        "/v1/foundation-models" => Reply::json(
            200,
            &json!({ "modelSummaries": [{ "modelId": "m-1", "outputModalities": ["TEXT"] }] }),
        ),
        "/v1/model/m-1/converse" => converse(body, false),
        "/v1/model/m-1/converse-stream" => converse(body, true),
        "/v1/model/amazon.titan-embed-text-v2%3A0/invoke" => {
            let length = body["inputText"].as_str().unwrap().len();
            Reply::json(
                200,
                &json!({ "embedding": [length as f64, 0.5], "inputTextTokenCount": 4 }),
            )
        }
        other => Reply::json(404, &error(&format!("no {other}"))),
    }
}

fn error(message: &str) -> Value {
    json!({ "message": message })
}

/// One frame.
pub fn frame(kind: (&'static str, &'static str, &str), payload: &Value) -> Vec<u8> {
    let (message_type, header, name) = kind;
    let text = |it: &str| HeaderValue::String(it.to_owned().into());
    let message = Message::new(payload.to_string().into_bytes())
        .add_header(Header::new(header, text(name)))
        .add_header(Header::new(":content-type", text("application/json")))
        .add_header(Header::new(":message-type", text(message_type)));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

fn event(name: &str, payload: Value) -> Vec<u8> {
    frame(("event", ":event-type", name), &payload)
}

/// An answer in frames.
pub fn framed(steps: Vec<Step>) -> Reply {
    let headers = vec![("content-type", "application/vnd.amazon.eventstream".to_owned())];
    Reply { status: 200, headers, steps }
}

fn usage() -> Value {
    json!({ "inputTokens": 12, "cacheReadInputTokens": 8, "cacheWriteInputTokens": 0,
            "outputTokens": 9, "totalTokens": 29 })
}

fn start() -> Vec<u8> {
    event("messageStart", json!({ "role": "assistant", "p": "abcdef" }))
}

fn delta(at: u32, delta: Value) -> Vec<u8> {
    event("contentBlockDelta", json!({ "contentBlockIndex": at, "delta": delta, "p": "ab" }))
}

fn stop(at: u32) -> Vec<u8> {
    event("contentBlockStop", json!({ "contentBlockIndex": at }))
}

fn end(reason: &str) -> [Vec<u8>; 2] {
    [
        event("messageStop", json!({ "stopReason": reason })),
        event("metadata", json!({ "usage": usage(), "metrics": { "latencyMs": 7 } })),
    ]
}

fn whole(content: Value, reason: &str) -> Reply {
    let message = json!({ "role": "assistant", "content": content });
    Reply::json(
        200,
        &json!({ "output": { "message": message }, "stopReason": reason, "usage": usage(),
                 "metrics": { "latencyMs": 7 } }),
    )
}

fn converse(body: &Value, streamed: bool) -> Reply {
    let last = body["messages"].as_array().unwrap().last().unwrap();
    let content = last["content"].as_array().unwrap();
    let scenario = content.last().unwrap()["text"].as_str().unwrap_or("");
    let begun = || Step::Bytes([start(), delta(0, json!({ "text": "Gr" }))].concat());
    let broken = |steps: Vec<Step>| framed([begun()].into_iter().chain(steps).collect());
    match scenario {
        "stall-before" => return framed(vec![Step::Bytes(start()), Step::Stall]),
        "stall-between" => return broken(vec![Step::Stall]),
        "cut" => return broken(vec![Step::Cut]),
        "short" => return broken(vec![]),
        "empty" => return framed(vec![]),
        "garbage" => {
            let mut flipped = delta(0, json!({ "text": "x" }));
            flipped[40] ^= 1;
            return broken(vec![Step::Bytes(flipped)]);
        }
        "bytes" => return framed(vec![Step::Bytes(vec![0; 4096])]),
        "huge" => {
            let head = Step::Bytes(40_000_000u32.to_be_bytes().to_vec());
            let flood = std::iter::repeat_n(Step::Bytes(vec![b'x'; 8 << 10]), 64);
            return broken([head].into_iter().chain(flood).collect());
        }
        "error-inside" => {
            let exception = ("exception", ":exception-type", "serviceUnavailableException");
            return broken(vec![Step::Bytes(frame(exception, &error("overloaded")))]);
        }
        _ => {}
    }
    if let Some(reply) = misfortune(scenario, String::new(), error) {
        return reply;
    }
    match scenario {
        "tools" => tools(streamed),
        "schema" => text(streamed, &["{\"label\":", "\"a\"}"]),
        _ => text(streamed, &["Grü", "ezi, ", "Welt 😀"]),
    }
}

fn text(streamed: bool, pieces: &[&str]) -> Reply {
    if !streamed {
        return whole(json!([{ "text": pieces.concat() }]), "end_turn");
    }
    let deltas = pieces.iter().map(|it| delta(0, json!({ "text": it })));
    cut_anywhere([start()].into_iter().chain(deltas).chain([stop(0)]).chain(end("end_turn")))
}

fn tools(streamed: bool) -> Reply {
    let use_of = |id: &str, name: &str| json!({ "toolUseId": id, "name": name });
    if !streamed {
        let mut first = use_of("call_a", "weather");
        first["input"] = json!({ "city": "Zürich", "days": 2 });
        let mut second = use_of("call_b", "clock");
        second["input"] = json!({});
        return whole(json!([{ "toolUse": first }, { "toolUse": second }]), "tool_use");
    }
    let begin = |at: u32, tool: Value| {
        let start = json!({ "toolUse": tool });
        event("contentBlockStart", json!({ "contentBlockIndex": at, "start": start }))
    };
    let input = |at: u32, it: &str| delta(at, json!({ "toolUse": { "input": it } }));
    let frames = [
        start(),
        begin(0, use_of("call_a", "weather")),
        input(0, ""),
        input(0, "{\"city\": \"Zü"),
        input(0, "rich\", \"days\": 2}"),
        stop(0),
        begin(1, use_of("call_b", "clock")),
        stop(1),
    ];
    cut_anywhere(frames.into_iter().chain(end("tool_use")))
}

/// Pieces of 50 bytes: a network owes nobody a boundary.
fn cut_anywhere(frames: impl Iterator<Item = Vec<u8>>) -> Reply {
    let bytes: Vec<u8> = frames.flatten().collect();
    framed(bytes.chunks(50).map(|it| Step::Bytes(it.to_vec())).collect())
}
