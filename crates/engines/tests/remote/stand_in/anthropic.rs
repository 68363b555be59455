//! Messages as Anthropic documents them.

use serde_json::{Value, json};

use super::{Reply, Step, misfortune};

pub fn reply(path: &str, body: &Value) -> Reply {
    match path.split('?').next().unwrap_or("") {
        "/v1/models" => Reply::json(
            200,
            &json!({ "data": [{ "type": "model", "id": "m-1", "display_name": "M", "max_input_tokens": 200_000 }],
                     "has_more": false }),
        ),
        "/v1/messages" => messages(body),
        other => Reply::json(404, &error(&format!("no {other}"))),
    }
}

fn error(message: &str) -> Value {
    json!({ "type": "error", "error": { "type": "the_code", "message": message },
            "request_id": "req_1" })
}

fn events(pieces: &[Value]) -> String {
    let line = |it: &Value| format!("event: {}\ndata: {it}\n\n", it["type"].as_str().unwrap());
    pieces.iter().map(line).collect()
}

fn start() -> Value {
    json!({ "type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1-2026",
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": 12, "cache_read_input_tokens": 8,
                   "cache_creation_input_tokens": 0, "output_tokens": 1 },
    } })
}

fn end(reason: &str) -> [Value; 2] {
    [
        json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null },
                "usage": { "output_tokens": 9, "output_tokens_details": { "thinking_tokens": 3 } } }),
        json!({ "type": "message_stop" }),
    ]
}

fn whole(content: Value, reason: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1-2026",
        "content": content, "stop_reason": reason, "stop_sequence": null,
        "usage": { "input_tokens": 12, "cache_read_input_tokens": 8,
                   "cache_creation_input_tokens": 0, "output_tokens": 9,
                   "output_tokens_details": { "thinking_tokens": 3 } },
    })
}

fn begin(index: u32, block: Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn delta(index: u32, delta: Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

fn stop(index: u32) -> Value {
    json!({ "type": "content_block_stop", "index": index })
}

fn messages(body: &Value) -> Reply {
    let streamed = body["stream"] == true;
    let last = body["messages"].as_array().unwrap().last().unwrap();
    let blocks = last["content"].as_array().unwrap();
    let scenario = blocks.last().unwrap()["text"].as_str().unwrap_or("");
    let text = |it: &str| json!({ "type": "text_delta", "text": it });
    let begun = events(&[
        start(),
        json!({ "type": "ping" }),
        begin(0, json!({ "type": "text", "text": "" })),
        delta(0, text("Gr")),
    ]);
    if let Some(reply) = misfortune(scenario, begun.clone(), error) {
        return reply;
    }
    match scenario {
        "error-inside" => {
            let error = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "overloaded" } });
            Reply::events(vec![Step::Send(begun), Step::Send(events(&[error]))])
        }
        "tools" => tools(streamed),
        "schema" => text_reply(streamed, &["{\"label\":", "\"a\"}"]),
        _ => text_reply(streamed, &["Grü", "ezi, ", "Welt 😀"]),
    }
}

fn tools(streamed: bool) -> Reply {
    let use_of = |id: &str, name: &str, input: Value| json!({ "type": "tool_use", "id": id, "name": name, "input": input });
    if !streamed {
        let input = json!({ "city": "Zürich", "days": 2 });
        let content =
            json!([use_of("call_a", "weather", input), use_of("call_b", "clock", json!({}))]);
        return Reply::json(200, &whole(content, "tool_use"));
    }
    let json_delta = |it: &str| json!({ "type": "input_json_delta", "partial_json": it });
    let [delta_end, stop_end] = end("tool_use");
    let pieces = [
        start(),
        begin(0, use_of("call_a", "weather", json!({}))),
        delta(0, json_delta("")),
        delta(0, json_delta("{\"city\": \"Zü")),
        delta(0, json_delta("rich\", \"days\": 2}")),
        stop(0),
        begin(1, use_of("call_b", "clock", json!({}))),
        stop(1),
        delta_end,
        stop_end,
    ];
    Reply::events(vec![Step::Send(events(&pieces))])
}

fn text_reply(streamed: bool, pieces: &[&str]) -> Reply {
    if !streamed {
        let content = json!([{ "type": "text", "text": pieces.concat() }]);
        return Reply::json(200, &whole(content, "end_turn"));
    }
    let mut all = vec![start(), begin(0, json!({ "type": "text", "text": "" }))];
    all.push(json!({ "type": "ping" }));
    let deltas = pieces.iter().map(|it| delta(0, json!({ "type": "text_delta", "text": it })));
    all.extend(deltas);
    all.push(stop(0));
    all.extend(end("end_turn"));
    let steps = all.iter().map(|it| Step::Send(events(std::slice::from_ref(it))));
    Reply::events(steps.collect())
}
