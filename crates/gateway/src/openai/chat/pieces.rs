//! Events as the pieces of OpenAI's answer: a stream sends them one by one, a whole answer is
//! their sum. So the two cannot differ.

use std::collections::{BTreeMap, BTreeSet};

use freehold_vocabulary::chat::{ChatEvent, Protocol};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::generation::sse::{Encode, data};
use crate::generation::{About, Settled};
use crate::layers::rescue::openai_body;
use crate::openai::wire::{Freehold, finish_reason, logprob, usage};

/// What one event adds to a choice.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// As vLLM, DeepSeek and others call it; OpenAI shows no thoughts.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
}

#[derive(Debug, Clone, Serialize)]
struct ToolCall {
    /// Only in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: Function,
}

#[derive(Debug, Default, Clone, Serialize)]
struct Function {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    arguments: String,
}

#[derive(Debug, Default)]
struct Piece {
    choice: u32,
    delta: Delta,
    logprobs: Vec<Value>,
    finish: Option<String>,
}

/// The head that all chunks and the whole answer share.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) about: About,
    pub(crate) created: i64,
}

impl Head {
    fn fields(&self, object: &str, extras: &Map<String, Value>) -> Map<String, Value> {
        let mut fields = extras.clone();
        fields.insert("id".to_owned(), format!("chatcmpl-{}", self.about.trace_id).into());
        fields.insert("object".to_owned(), object.into());
        fields.insert("created".to_owned(), self.created.into());
        fields.insert("model".to_owned(), self.about.model.as_str().into());
        fields
    }
}

/// The piece of an event; none if OpenAI's answer does not show it.
fn piece(event: ChatEvent, extras: &mut Map<String, Value>) -> Option<Piece> {
    let (choice, delta) = match event {
        ChatEvent::TextDelta { choice, text } => {
            (choice, Delta { content: Some(text), ..Delta::default() })
        }
        ChatEvent::RefusalDelta { choice, text } => {
            (choice, Delta { refusal: Some(text), ..Delta::default() })
        }
        ChatEvent::ThinkingDelta { choice, text } => {
            (choice, Delta { reasoning_content: Some(text), ..Delta::default() })
        }
        ChatEvent::ToolCallStarted { choice, call, id, name, .. } => {
            let function = Function { name: Some(name), arguments: String::new() };
            let (id, r#type) = (Some(id), Some("function"));
            let call = ToolCall { index: Some(call), id, r#type, function };
            (choice, Delta { tool_calls: vec![call], ..Delta::default() })
        }
        ChatEvent::ToolCallArguments { choice, call, fragment } => {
            let function = Function { name: None, arguments: fragment };
            let call = ToolCall { index: Some(call), id: None, r#type: None, function };
            (choice, Delta { tool_calls: vec![call], ..Delta::default() })
        }
        ChatEvent::LogProbs { choice, tokens } => {
            let logprobs = tokens.iter().map(logprob).collect();
            return Some(Piece { choice, logprobs, ..Piece::default() });
        }
        ChatEvent::Finished { choice, reason } => {
            let finish = Some(finish_reason(&reason).to_owned());
            return Some(Piece { choice, finish, ..Piece::default() });
        }
        ChatEvent::Extra { protocol: Protocol::OpenAi, name, value } => {
            extras.insert(name, value);
            return None;
        }
        ChatEvent::Started { .. }
        | ChatEvent::ThinkingSigned { .. }
        | ChatEvent::ThinkingRedacted { .. }
        | ChatEvent::ToolCallEnded { .. }
        | ChatEvent::Usage(_)
        | ChatEvent::Extra { .. } => return None,
    };
    Some(Piece { choice, delta, ..Piece::default() })
}

/// Writes chunks.
#[derive(Debug)]
pub(crate) struct Chunks {
    head: Head,
    with_usage: bool,
    extras: Map<String, Value>,
    begun: BTreeSet<u32>,
}

impl Chunks {
    pub(crate) fn new(head: Head, with_usage: bool) -> Self {
        Self { head, with_usage, extras: Map::new(), begun: BTreeSet::new() }
    }

    fn chunk(&self, piece: Option<&Piece>, first: bool, settled: Option<&Settled>) -> String {
        let mut chunk = self.head.fields("chat.completion.chunk", &self.extras);
        let choices = piece.map(|piece| {
            let logprobs = (!piece.logprobs.is_empty())
                .then(|| json!({ "content": piece.logprobs, "refusal": null }));
            json!({
                "index": piece.choice, "delta": piece.delta, "logprobs": logprobs,
                "finish_reason": piece.finish,
            })
        });
        chunk.insert("choices".to_owned(), choices.into_iter().collect());
        if self.with_usage {
            let taken = settled.map(|it| usage(&it.usage));
            chunk.insert("usage".to_owned(), taken.into());
        }
        if first || settled.is_some() {
            chunk.insert("freehold".to_owned(), json!(Freehold::new(&self.head.about, settled)));
        }
        data(&chunk)
    }
}

impl Encode for Chunks {
    fn event(&mut self, event: ChatEvent) -> String {
        let Some(mut piece) = piece(event, &mut self.extras) else { return String::new() };
        let first = self.begun.is_empty();
        if self.begun.insert(piece.choice) {
            piece.delta.role = Some("assistant");
        }
        self.chunk(Some(&piece), first, None)
    }

    fn end(&mut self, settled: Settled) -> String {
        let mut text = String::new();
        // A chunk without choices is only for clients that asked for one.
        if self.with_usage {
            text.push_str(&self.chunk(None, false, Some(&settled)));
        }
        text.push_str("data: [DONE]\n\n");
        text
    }

    fn failed(&mut self, error: &ApiError) -> String {
        data(&openai_body(&error.face()))
    }
}

/// Adds pieces up.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    extras: Map<String, Value>,
    choices: BTreeMap<u32, Piece>,
}

impl Whole {
    pub(crate) fn add(&mut self, event: ChatEvent) {
        if let Some(piece) = piece(event, &mut self.extras) {
            self.choices.entry(piece.choice).or_default().add(piece);
        }
    }

    pub(crate) fn completion(self, head: &Head, settled: &Settled) -> Value {
        let mut whole = head.fields("chat.completion", &self.extras);
        let choices = self.choices.into_iter().map(|(index, piece)| {
            let logprobs = (!piece.logprobs.is_empty())
                .then(|| json!({ "content": piece.logprobs, "refusal": null }));
            json!({
                "index": index, "message": piece.delta.message(), "logprobs": logprobs,
                "finish_reason": piece.finish,
            })
        });
        whole.insert("choices".to_owned(), choices.collect());
        whole.insert("usage".to_owned(), usage(&settled.usage));
        whole.insert("freehold".to_owned(), json!(Freehold::new(&head.about, Some(settled))));
        Value::Object(whole)
    }
}

impl Piece {
    fn add(&mut self, more: Self) {
        let joined = |text: &mut Option<String>, more: Option<String>| {
            if let Some(more) = more {
                text.get_or_insert_default().push_str(&more);
            }
        };
        joined(&mut self.delta.content, more.delta.content);
        joined(&mut self.delta.reasoning_content, more.delta.reasoning_content);
        joined(&mut self.delta.refusal, more.delta.refusal);
        for call in more.delta.tool_calls {
            match self.delta.tool_calls.iter_mut().find(|it| it.index == call.index) {
                Some(begun) => begun.function.arguments.push_str(&call.function.arguments),
                None => self.delta.tool_calls.push(call),
            }
        }
        self.logprobs.extend(more.logprobs);
        self.finish = more.finish.or(self.finish.take());
    }
}

impl Delta {
    /// As a message: content and refusal are always there, calls have no index.
    fn message(mut self) -> Value {
        self.role = Some("assistant");
        for call in &mut self.tool_calls {
            call.index = None;
        }
        let mut message = json!(self);
        if let Value::Object(fields) = &mut message {
            fields.entry("content").or_insert(Value::Null);
            fields.entry("refusal").or_insert(Value::Null);
        }
        message
    }
}
