//! A provider on loopback that speaks OpenAI's wire format, keeps every byte that reaches it, and
//! says what it was told: whatever went out comes back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use freehold_engines::remote::{
    Network, RemoteEngine, RemoteLimits, RemoteOptions, Secret, Timeouts, find,
};
use freehold_gateway::{CacheRule, GenerativeModel, ModelPrice};
use freehold_vocabulary::egress::{EngineClearance, Place};
use freehold_vocabulary::{DataClass, EngineName, Tier};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A running provider.
pub struct StandIn {
    pub address: SocketAddr,
    bodies: Arc<Mutex<Vec<String>>>,
    moods: Moods,
}

#[derive(Clone, Default)]
struct Moods {
    /// Requests that fail with 500 before one is answered.
    failing: Arc<AtomicUsize>,
    /// Where requests are sent on to.
    elsewhere: Arc<Mutex<Option<String>>>,
}

type Shared = (Arc<Mutex<Vec<String>>>, Moods);

impl StandIn {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (bodies, moods): Shared = (Arc::default(), Moods::default());
        let app = Router::new().fallback(answer).with_state((bodies.clone(), moods.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, bodies, moods }
    }

    /// What came so far, heads and bodies.
    pub fn seen(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    pub fn fails(&self, times: usize) {
        self.moods.failing.store(times, Ordering::SeqCst);
    }

    pub fn sends_on_to(&self, url: String) {
        *self.moods.elsewhere.lock().unwrap() = Some(url);
    }

    /// An engine that stands there.
    pub fn engine(&self, name: &str, clearance: DataClass) -> RemoteEngine {
        let url = format!("http://{}/v1", self.address);
        RemoteEngine::new(&options(name, clearance, url, Network::Own)).unwrap()
    }
}

pub fn options(name: &str, clearance: DataClass, url: String, network: Network) -> RemoteOptions {
    RemoteOptions {
        clearance: EngineClearance {
            place: Place::Remote,
            ..EngineClearance::here(EngineName::parse(name).unwrap(), clearance)
        },
        provider: find("openai").unwrap(),
        url: Some(url),
        key: Some(Secret::new("sk-of-the-house")),
        aws: None,
        network,
        timeouts: Timeouts::default(),
        limits: RemoteLimits::default(),
    }
}

pub fn served(name: &str, engine: RemoteEngine, fallback: &[&str]) -> GenerativeModel {
    GenerativeModel {
        name: name.to_owned(),
        engine: Arc::new(engine),
        upstream: "m-1".to_owned(),
        tier: Tier::Frontier,
        price: ModelPrice::Unknown,
        data_class: None,
        cache: CacheRule::default(),
        redaction: None,
        fallback: fallback.iter().map(|it| (*it).to_owned()).collect(),
    }
}

async fn answer(State((bodies, moods)): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    bodies.lock().unwrap().push(format!("{} {:?}\n{text}", parts.uri, parts.headers));
    if let Some(to) = moods.elsewhere.lock().unwrap().clone() {
        return (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response();
    }
    let left = moods.failing.load(Ordering::SeqCst);
    if left > 0 {
        moods.failing.store(left - 1, Ordering::SeqCst);
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    if parts.uri.path().ends_with("/embeddings") {
        let inputs = body["input"].as_array().unwrap().len();
        let data: Vec<Value> = (0..inputs)
            .map(|index| json!({ "object": "embedding", "index": index, "embedding": [0.5] }))
            .collect();
        let usage = json!({ "prompt_tokens": 4, "total_tokens": 4 });
        return json_of(&json!({ "object": "list", "data": data, "model": "m", "usage": usage }));
    }
    let said = said(&body["messages"]);
    let tools = body["tools"].is_array();
    if body["stream"] == true { stream(&said, tools) } else { whole(&said, tools) }
}

/// Every text of the conversation, one a line.
fn said(messages: &Value) -> String {
    let texts = messages.as_array().unwrap().iter().flat_map(|it| match &it["content"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => {
            parts.iter().filter_map(|it| it["text"].as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    });
    texts.collect::<Vec<String>>().join("\n")
}

fn whole(said: &str, tools: bool) -> Response {
    let message = if tools {
        let arguments = json!({ "said": said }).to_string();
        let function = json!({ "name": "note", "arguments": arguments });
        json!({ "role": "assistant", "content": null,
                "tool_calls": [{ "id": "c1", "type": "function", "function": function }] })
    } else {
        json!({ "role": "assistant", "content": said })
    };
    let choice = json!({ "index": 0, "message": message, "finish_reason": ending(tools) });
    json_of(&json!({ "id": "a", "object": "chat.completion", "created": 1, "model": "m",
                     "choices": [choice] }))
}

/// A character a chunk, so that every placeholder is cut everywhere.
fn stream(said: &str, tools: bool) -> Response {
    let mut deltas = vec![json!({ "role": "assistant" })];
    if tools {
        let function = json!({ "name": "note", "arguments": "" });
        let call = json!({ "index": 0, "id": "c1", "type": "function", "function": function });
        deltas.push(json!({ "tool_calls": [call] }));
        let arguments = json!({ "said": said }).to_string();
        deltas.extend(arguments.chars().map(|it| {
            json!({ "tool_calls": [{ "index": 0, "function": { "arguments": it.to_string() } }] })
        }));
    } else {
        deltas.extend(said.chars().map(|it| json!({ "content": it.to_string() })));
    }
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        let chunk = json!({ "id": "a", "object": "chat.completion.chunk", "created": 1,
                            "model": "m", "choices": [choice] });
        format!("data: {chunk}\n\n")
    };
    let mut text: String = deltas.into_iter().map(|it| chunk(it, Value::Null)).collect();
    text.push_str(&chunk(json!({}), json!(ending(tools))));
    text.push_str("data: [DONE]\n\n");
    ([("content-type", "text/event-stream")], Body::from(text)).into_response()
}

fn ending(tools: bool) -> &'static str {
    if tools { "tool_calls" } else { "stop" }
}

fn json_of(body: &Value) -> Response {
    ([("content-type", "application/json")], body.to_string()).into_response()
}
