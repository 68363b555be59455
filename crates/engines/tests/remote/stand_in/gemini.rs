//! Generated content as Google documents it.

use serde_json::{Value, json};

use super::{Reply, Step, misfortune, sse};

pub fn reply(path: &str, body: &Value) -> Reply {
    match path {
        "/v1/models?pageSize=1000" => Reply::json(
            200,
            &json!({ "models": [{ "name": "models/m-1", "inputTokenLimit": 1_048_576 }] }),
        ),
        "/v1/models/m-1:generateContent" => content(body, false),
        "/v1/models/m-1:streamGenerateContent?alt=sse" => content(body, true),
        "/v1/models/m-1:batchEmbedContents" => embeddings(body),
        other => Reply::json(404, &error(404, &format!("no {other}"))),
    }
}

fn error(code: u16, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message, "status": "the_code" } })
}

fn embeddings(body: &Value) -> Reply {
    let requests = body["requests"].as_array().unwrap();
    let embeddings = requests.iter().map(|it| {
        let length = it["content"]["parts"][0]["text"].as_str().unwrap().len();
        json!({ "values": [length as f64, 0.5] })
    });
    Reply::json(200, &json!({ "embeddings": embeddings.collect::<Vec<_>>() }))
}

fn piece(parts: Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({ "index": 0, "content": { "role": "model", "parts": parts } });
    let mut usage =
        json!({ "promptTokenCount": 20, "cachedContentTokenCount": 8, "totalTokenCount": 20 });
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
        usage["candidatesTokenCount"] = json!(6);
        usage["thoughtsTokenCount"] = json!(3);
    }
    json!({
        "candidates": [candidate], "usageMetadata": usage,
        "modelVersion": "m-1-2026", "responseId": "resp_1",
    })
}

fn content(body: &Value, streamed: bool) -> Reply {
    let last = body["contents"].as_array().unwrap().last().unwrap();
    let parts = last["parts"].as_array().unwrap();
    let scenario = parts.last().unwrap()["text"].as_str().unwrap_or("");
    let begun = sse(&[piece(json!([{ "text": "Gr" }]), None)]);
    let code = scenario.parse().unwrap_or(500);
    if let Some(reply) = misfortune(scenario, begun.clone(), |it| error(code, it)) {
        return reply;
    }
    let pieces = match scenario {
        "error-inside" => {
            let steps = vec![Step::Send(begun), Step::Send(sse(&[error(503, "overloaded")]))];
            return Reply::events(steps);
        }
        "tools" => {
            let call = |id: &str, name: &str, args: Value| {
                json!({ "functionCall": { "id": id, "name": name, "args": args },
                        "thoughtSignature": "sig" })
            };
            let input = json!({ "city": "Zürich", "days": 2 });
            vec![vec![call("call_a", "weather", input)], vec![call("call_b", "clock", json!({}))]]
        }
        "schema" => texts(&["{\"label\":", "\"a\"}"]),
        _ => texts(&["Grü", "ezi, ", "Welt 😀"]),
    };
    if !streamed {
        let parts: Vec<Value> = pieces.into_iter().flatten().collect();
        return Reply::json(200, &piece(json!(parts), Some("STOP")));
    }
    let last = pieces.len() - 1;
    let pieces = pieces.into_iter().enumerate();
    let pieces = pieces.map(|(at, it)| piece(json!(it), (at == last).then_some("STOP")));
    Reply::events(vec![Step::Send(sse(&pieces.collect::<Vec<_>>()))])
}

fn texts(texts: &[&str]) -> Vec<Vec<Value>> {
    texts.iter().map(|it| vec![json!({ "text": it })]).collect()
}
