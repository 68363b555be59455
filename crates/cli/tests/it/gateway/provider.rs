//! A stand-in for a provider: OpenAI's wire format over plain sockets on loopback.
//!
//! What it says follows from the last message: `stall` stops after the first word, `tools` asks
//! for a tool twice at once; anything else is answered with two words.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

#[derive(Default)]
struct Seen {
    bodies: Mutex<Vec<Value>>,
    hung_up: Mutex<u32>,
    changed: Condvar,
}

pub struct Provider {
    url: String,
    seen: Arc<Seen>,
}

impl Provider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, seen }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn bodies(&self) -> Vec<Value> {
        self.seen.bodies.lock().unwrap().clone()
    }

    /// Waits until somebody ends a connection in the middle of an answer.
    pub fn wait_until_hung_up(&self) {
        let mut count = self.seen.hung_up.lock().unwrap();
        while *count == 0 {
            count = self.seen.changed.wait(count).unwrap();
        }
    }
}

/// Requests of one connection, until it ends.
fn serve(mut stream: TcpStream, seen: &Seen) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut length = 0;
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if head.starts_with("GET") {
            whole(&mut stream, &json!({ "object": "list", "data": [] }))?;
            continue;
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        seen.bodies.lock().unwrap().push(body.clone());
        if head.contains("/embeddings") {
            let vector = json!({ "object": "embedding", "index": 0, "embedding": [0.25, -1.5] });
            let usage = json!({ "prompt_tokens": 3, "total_tokens": 3 });
            whole(
                &mut stream,
                &json!({ "object": "list", "model": body["model"], "data": [vector], "usage": usage }),
            )?;
        } else if head.contains("/moderations") {
            let judged = body["input"].as_array().unwrap().iter().map(|it| {
                let hate = it == "hate";
                json!({ "flagged": hate, "categories": { "hate": hate, "illicit": null },
                    "category_scores": { "hate": if hate { 0.75 } else { 0.25 }, "illicit": null } })
            });
            let results: Vec<Value> = judged.collect();
            whole(&mut stream, &json!({ "id": "m", "model": body["model"], "results": results }))?;
        } else if body["stream"] == true {
            streamed(&mut stream, &mut reader, &body, seen)?;
        } else {
            whole(&mut stream, &completion(&body))?;
        }
    }
}

fn last(body: &Value) -> String {
    let last = body["messages"].as_array().unwrap().last().unwrap();
    match &last["content"] {
        Value::String(text) => text.clone(),
        parts => parts[0]["text"].as_str().unwrap_or_default().to_owned(),
    }
}

fn usage() -> Value {
    json!({ "prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14 })
}

fn calls() -> Value {
    let call = |n: u32, city: &str| {
        let arguments = json!({ "city": city }).to_string();
        json!({ "index": n, "id": format!("call_{n}"), "type": "function",
            "function": { "name": "weather", "arguments": arguments } })
    };
    json!([call(0, "Oslo"), call(1, "Rome")])
}

fn completion(body: &Value) -> Value {
    let (message, finish) = if last(body) == "tools" {
        (json!({ "role": "assistant", "content": null, "tool_calls": calls() }), "tool_calls")
    } else {
        (json!({ "role": "assistant", "content": "Hello there" }), "stop")
    };
    json!({
        "id": "up-1", "object": "chat.completion", "created": 1, "model": body["model"],
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": usage(),
    })
}

fn whole(stream: &mut TcpStream, answer: &Value) -> Option<()> {
    let text = answer.to_string();
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{text}"
    )
    .ok()
}

fn streamed(
    stream: &mut TcpStream,
    reader: &mut BufReader<TcpStream>,
    body: &Value,
    seen: &Seen,
) -> Option<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    .ok()?;
    let mut send = |data: &str| {
        let event = format!("data: {data}\n\n");
        write!(stream, "{:x}\r\n{event}\r\n", event.len()).ok()
    };
    let chunk = |delta: Value, finish: Value| {
        json!({ "id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"],
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
        .to_string()
    };
    let tools = last(body) == "tools";
    let first = if tools {
        json!({ "role": "assistant", "tool_calls": calls() })
    } else {
        json!({ "role": "assistant", "content": "Hello" })
    };
    send(&chunk(first, Value::Null))?;
    if last(body) == "stall" {
        // Nothing more is ever said; the only news can be that the other side is gone.
        let mut byte = [0; 1];
        let gone = !matches!(reader.read(&mut byte), Ok(1..));
        *seen.hung_up.lock().unwrap() += u32::from(gone);
        seen.changed.notify_all();
        return None;
    }
    if !tools {
        send(&chunk(json!({ "content": " there" }), Value::Null))?;
    }
    send(&chunk(json!({}), json!(if tools { "tool_calls" } else { "stop" })))?;
    let end = json!({ "id": "up-1", "object": "chat.completion.chunk", "created": 1,
        "model": body["model"], "choices": [], "usage": usage() });
    send(&end.to_string())?;
    send("[DONE]")?;
    write!(stream, "0\r\n\r\n").ok()
}
