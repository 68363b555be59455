//! The response object, whole or as the events of a stream.

use freehold_vocabulary::chat::{ChatEvent, Usage};
use serde_json::{Map, Value, json};

use super::items::Items;
use super::request::Include;
use crate::error::ApiError;
use crate::generation::Settled;
use crate::generation::sse::Encode;

/// What every form of a response begins with.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) model: String,
    pub(crate) previous: Option<String>,
    /// Whether it can be retrieved later.
    pub(crate) stored: bool,
    /// Fields that repeat the request.
    pub(crate) echo: Map<String, Value>,
    /// What the protocol has no fields for.
    pub(crate) freehold: Value,
}

/// Tokens in the words of this protocol.
pub(crate) fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": { "cached_tokens": usage.cached_input_tokens },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
        "total_tokens": usage.total_tokens(),
    })
}

impl Head {
    fn response(&self, status: &str, output: Vec<Value>) -> Map<String, Value> {
        let mut fields = self.echo.clone();
        let own = json!({
            "id": self.id, "object": "response", "created_at": self.created, "status": status,
            "background": false, "error": null, "incomplete_details": null, "model": self.model,
            "output": output, "previous_response_id": self.previous, "store": self.stored,
            "usage": null, "freehold": self.freehold,
        });
        if let Value::Object(own) = own {
            fields.extend(own);
        }
        fields
    }

    /// The response at its end. `ended` joins what is known of it only then.
    pub(crate) fn whole(&self, items: &Items, taken: &Usage, ended: Option<Value>) -> Value {
        let (status, lacks) = items.status();
        let mut response = self.response(status, items.output());
        response.insert("incomplete_details".to_owned(), lacks);
        response.insert("usage".to_owned(), usage(taken));
        if let Some(Value::Object(ended)) = ended
            && let Some(Value::Object(freehold)) = response.get_mut("freehold")
        {
            freehold.extend(ended);
        }
        Value::Object(response)
    }
}

/// What is known of a generation only at its end.
pub(crate) fn ending(settled: &Settled) -> Value {
    json!(crate::openai::wire::Freehold::end(settled))
}

/// Writes the events of a stream.
#[derive(Debug)]
pub(crate) struct Frames {
    head: Head,
    items: Items,
    begun: bool,
}

impl Frames {
    pub(crate) fn new(head: Head, include: Include) -> Self {
        let items = Items::new(head.suffix(), include);
        Self { head, items, begun: false }
    }

    fn begin(&mut self) -> String {
        if std::mem::replace(&mut self.begun, true) {
            return String::new();
        }
        let response = self.head.response("in_progress", Vec::new());
        let mut text = self.frame("response.created", Value::Object(response.clone()));
        text.push_str(&self.frame("response.in_progress", Value::Object(response)));
        text
    }

    fn frame(&mut self, kind: &str, response: Value) -> String {
        let mut fields = Map::new();
        fields.insert("response".to_owned(), response);
        self.items.told(kind, fields)
    }

    /// The last frame.
    pub(crate) fn finish(&mut self, taken: &Usage, ended: Option<Value>) -> String {
        let mut text = self.begin();
        let response = self.head.whole(&self.items, taken, ended);
        let kind = format!("response.{}", self.items.status().0);
        text.push_str(&self.frame(&kind, response));
        text
    }
}

impl Head {
    /// What distinguishes this answer from others.
    pub(crate) fn suffix(&self) -> &str {
        self.id.strip_prefix("resp_").unwrap_or(&self.id)
    }
}

impl Encode for Frames {
    fn event(&mut self, event: ChatEvent) -> String {
        let mut text = self.begin();
        text.push_str(&self.items.see(event));
        text
    }

    fn end(&mut self, settled: Settled) -> String {
        self.finish(&settled.usage, Some(ending(&settled)))
    }

    fn failed(&mut self, error: &ApiError) -> String {
        let mut text = self.begin();
        let mut response = self.head.response("failed", self.items.output());
        let face = error.face();
        let failure = json!({ "code": face.code, "message": face.message });
        response.insert("error".to_owned(), failure);
        text.push_str(&self.frame("response.failed", Value::Object(response)));
        text
    }
}
