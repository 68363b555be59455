//! Chat completions, embeddings and lists as OpenAI documents them.

use serde_json::{Value, json};

use super::{Reply, Step, misfortune, sse};

pub fn reply(path: &str, body: &Value) -> Reply {
    match path {
        "/v1/models" => Reply::json(
            200,
            &json!({ "object": "list", "data": [
                { "id": "m-1", "object": "model", "max_model_len": 4096 },
                { "id": "m-1-lora", "object": "model", "parent": "m-1" },
            ] }),
        ),
        "/health" => Reply { status: 200, headers: vec![], steps: vec![] },
        "/version" | "/info" | "/api/version" | "/get_server_info" => {
            Reply::json(200, &json!({ "version": "1.2.3" }))
        }
        "/props" => Reply::json(200, &json!({ "build_info": "1.2.3" })),
        "/v1/embeddings" => embeddings(body),
        "/v1/chat/completions" => chat(body),
        other => Reply::json(404, &json!({ "error": { "message": format!("no {other}") } })),
    }
}

fn embeddings(body: &Value) -> Reply {
    let inputs = body["input"].as_array().unwrap();
    // The order is not promised, the index is.
    let data = inputs.iter().enumerate().rev().map(|(index, text)| {
        let length = text.as_str().map_or(0, str::len);
        json!({ "object": "embedding", "index": index, "embedding": [length as f64, 0.5] })
    });
    let data: Vec<Value> = data.collect();
    let usage = json!({ "prompt_tokens": 4, "total_tokens": 4 });
    Reply::json(200, &json!({ "object": "list", "data": data, "model": "m-1", "usage": usage }))
}

fn scenario(body: &Value) -> String {
    let last = body["messages"].as_array().unwrap().last().unwrap();
    last["content"].as_str().unwrap_or("").to_owned()
}

fn chunk(delta: Value, finish: Value) -> Value {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish, "logprobs": null });
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1-2026",
        "system_fingerprint": "fp_1", "choices": [choice],
    })
}

fn whole(message: Value, finish: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-1-2026",
        "system_fingerprint": "fp_1",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish, "logprobs": null }],
        "usage": usage(),
    })
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29,
        "prompt_tokens_details": { "cached_tokens": 8, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 3, "audio_tokens": 0 },
    })
}

fn stream(mut pieces: Vec<Value>, asked: &Value) -> Reply {
    // Usage comes only if asked for, except where a provider always sends it.
    if asked["stream_options"]["include_usage"] == true {
        let mut last = chunk(json!({}), Value::Null);
        last["choices"] = json!([]);
        last["usage"] = usage();
        pieces.push(last);
    } else if let Some(last) = pieces.last_mut() {
        last["usage"] = usage();
    }
    // Cut in the middle of lines and of characters: a network owes nobody a boundary.
    let text = sse(&pieces) + "data: [DONE]\n\n";
    let middle = text.char_indices().map(|(at, _)| at).nth(text.chars().count() / 2).unwrap();
    let (a, b) = text.split_at(middle);
    Reply::events(vec![Step::Send(a.to_owned()), Step::Send(b.to_owned())])
}

fn chat(body: &Value) -> Reply {
    let streamed = body["stream"] == true;
    let scenario = scenario(body);
    let error = |message: &str| json!({ "error": { "message": message, "type": "t", "param": null, "code": "the_code" } });
    let start = chunk(json!({ "role": "assistant", "content": "" }), Value::Null);
    let begun = sse(&[start.clone(), chunk(json!({ "content": "Gr" }), Value::Null)]);
    if let Some(reply) = misfortune(&scenario, begun.clone(), error) {
        return reply;
    }
    match scenario.as_str() {
        "error-inside" => {
            let error = json!({ "error": { "message": "overloaded", "code": 503 } });
            Reply::events(vec![Step::Send(begun), Step::Send(sse(&[error]))])
        }
        "tools" => {
            let message = json!({ "role": "assistant", "content": null, "tool_calls": [
                call("call_a", "weather", r#"{"city": "Zürich", "days": 2}"#),
                call("call_b", "clock", "{}"),
            ] });
            if !streamed {
                return Reply::json(200, &whole(message, "tool_calls"));
            }
            let piece = |calls: Value| chunk(json!({ "tool_calls": calls }), Value::Null);
            let part = |index: u32, text: &str| json!({ "index": index, "function": { "arguments": text } });
            let begin = |index: u32, id: &str, name: &str| {
                json!({ "index": index, "id": id, "type": "function",
                        "function": { "name": name, "arguments": "" } })
            };
            stream(
                vec![
                    start,
                    piece(json!([begin(0, "call_a", "weather")])),
                    piece(json!([part(0, "{\"city\": \"Zü")])),
                    piece(json!([begin(1, "call_b", "clock")])),
                    piece(json!([part(1, "{"), part(0, "rich\", \"da")])),
                    piece(json!([part(0, "ys\": 2}"), part(1, "}")])),
                    chunk(json!({}), json!("tool_calls")),
                ],
                body,
            )
        }
        "schema" => text(body, streamed, &["{\"label\":", "\"a\"}"]),
        _ => text(body, streamed, &["Grü", "ezi, ", "Welt 😀"]),
    }
}

fn text(body: &Value, streamed: bool, pieces: &[&str]) -> Reply {
    if !streamed {
        let message = json!({ "role": "assistant", "content": pieces.concat(), "refusal": null });
        return Reply::json(200, &whole(message, "stop"));
    }
    let start = chunk(json!({ "role": "assistant", "content": "" }), Value::Null);
    let middle = pieces.iter().map(|it| chunk(json!({ "content": it }), Value::Null));
    let end = chunk(json!({}), json!("stop"));
    stream([start].into_iter().chain(middle).chain([end]).collect(), body)
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
}
