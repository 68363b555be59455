//! Models that generate, behind every protocol.

mod cache;
mod chat;
mod messages;
mod others;
mod responses;
mod resume;
mod route;
mod rules;
mod same;
mod semantic;

use serde_json::{Value, json};

pub const CHAT: &str = "/v1/chat/completions";

pub fn ask(text: &str) -> Value {
    json!({ "model": "large", "messages": [{ "role": "user", "content": text }] })
}
