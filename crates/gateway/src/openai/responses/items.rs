//! Events as output items: a stream shows how they grow, a whole answer is what they grew into.
//! Both come from here, so they cannot differ.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{ChatEvent, Part, StopReason, TokenLogProb};
use serde_json::{Map, Value, json};

use super::request::Include;
use super::seal::{Sealed, seal};
use crate::generation::sse::named;
use crate::openai::wire::logprob;

/// The output in the making.
#[derive(Debug)]
pub(crate) struct Items {
    /// Distinguishes items of different answers.
    of: String,
    include: Include,
    items: Vec<Item>,
    /// Where each call stands.
    calls: BTreeMap<u32, usize>,
    /// Log-probabilities that came before the text they belong to.
    early: Vec<Value>,
    reason: Option<StopReason>,
    sent: u64,
}

#[derive(Debug)]
struct Item {
    id: String,
    open: bool,
    cut: bool,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Message(Vec<Content>),
    Reasoning { text: String, sealed: Option<String> },
    Call { id: String, name: String, arguments: String },
}

#[derive(Debug)]
enum Content {
    Text { text: String, logprobs: Vec<Value> },
    Refusal(String),
}

impl Items {
    pub(crate) fn new(of: &str, include: Include) -> Self {
        Self {
            of: of.to_owned(),
            include,
            items: Vec::new(),
            calls: BTreeMap::new(),
            early: Vec::new(),
            reason: None,
            sent: 0,
        }
    }

    /// Takes one event; gives the events of the stream that show it.
    pub(crate) fn see(&mut self, event: ChatEvent) -> String {
        let mut out = String::new();
        match event {
            ChatEvent::TextDelta { choice: 0, text } if !text.is_empty() => {
                self.text(&text, &mut out);
            }
            ChatEvent::RefusalDelta { choice: 0, text } if !text.is_empty() => {
                self.refusal(&text, &mut out);
            }
            ChatEvent::ThinkingDelta { choice: 0, text } if !text.is_empty() => {
                self.think(&text, &mut out);
            }
            ChatEvent::ThinkingSigned { choice: 0, signature } => self.sign(signature, &mut out),
            ChatEvent::ThinkingRedacted { choice: 0, data } => {
                let sealed = Sealed::Thought(Part::RedactedThinking { data });
                self.sealed(&sealed, &mut out);
            }
            ChatEvent::ToolCallStarted { choice: 0, call, id, name, signature } => {
                if let Some(signature) = signature {
                    self.sealed(&Sealed::Call(signature), &mut out);
                }
                self.close_last(&mut out);
                self.calls.insert(call, self.items.len());
                self.begin("fc", Body::Call { id, name, arguments: String::new() }, &mut out);
            }
            ChatEvent::ToolCallArguments { choice: 0, call, fragment } if !fragment.is_empty() => {
                self.argue(call, &fragment, &mut out);
            }
            ChatEvent::ToolCallEnded { choice: 0, call } => {
                if let Some(place) = self.calls.get(&call).copied() {
                    self.close(place, &mut out);
                }
            }
            ChatEvent::LogProbs { choice: 0, tokens } if self.include.logprobs => {
                self.probable(&tokens);
            }
            ChatEvent::Finished { choice: 0, reason } => {
                let cut = matches!(reason, StopReason::MaxTokens | StopReason::ContentFilter);
                self.reason = Some(reason);
                for place in 0..self.items.len() {
                    if self.items[place].open {
                        self.items[place].cut = cut;
                        self.close(place, &mut out);
                    }
                }
            }
            // The protocol has one choice; usage comes with the end.
            _ => {}
        }
        out
    }

    /// The items as they are.
    pub(crate) fn output(&self) -> Vec<Value> {
        self.items.iter().map(Item::view).collect()
    }

    /// `status`, and what an answer that is not complete lacks.
    pub(crate) fn status(&self) -> (&'static str, Value) {
        match self.reason {
            Some(StopReason::MaxTokens) => ("incomplete", json!({ "reason": "max_output_tokens" })),
            Some(StopReason::ContentFilter) => {
                ("incomplete", json!({ "reason": "content_filter" }))
            }
            _ => ("completed", Value::Null),
        }
    }

    /// An event of the stream, with its place in it.
    pub(crate) fn told(&mut self, kind: &str, mut fields: Map<String, Value>) -> String {
        fields.insert("type".to_owned(), kind.into());
        fields.insert("sequence_number".to_owned(), self.sent.into());
        self.sent += 1;
        named(kind, &fields)
    }

    fn tell(&mut self, kind: &str, place: usize, more: Value, out: &mut String) {
        let Value::Object(mut fields) = more else { return };
        fields.insert("output_index".to_owned(), place.into());
        if !fields.contains_key("item") {
            fields.insert("item_id".to_owned(), self.items[place].id.as_str().into());
        }
        let told = self.told(kind, fields);
        out.push_str(&told);
    }

    /// Where the last item is, if it is open and of that kind.
    fn last(&self, fits: impl Fn(&Body) -> bool) -> Option<usize> {
        let last = self.items.last()?;
        (last.open && fits(&last.body)).then(|| self.items.len() - 1)
    }

    fn begin(&mut self, prefix: &str, body: Body, out: &mut String) -> usize {
        let place = self.items.len();
        let id = format!("{prefix}_{}_{place}", self.of);
        self.items.push(Item { id, open: true, cut: false, body });
        let item = self.items[place].view();
        self.tell("response.output_item.added", place, json!({ "item": item }), out);
        place
    }

    /// The open message, which is begun where needed.
    fn message(&mut self, out: &mut String) -> usize {
        if let Some(place) = self.last(|it| matches!(it, Body::Message(_))) {
            return place;
        }
        self.close_last(out);
        self.begin("msg", Body::Message(Vec::new()), out)
    }

    fn text(&mut self, more: &str, out: &mut String) {
        let place = self.message(out);
        let index = self.content(place, |it| matches!(it, Content::Text { .. }), out);
        let delta = json!({ "content_index": index, "delta": more, "logprobs": [] });
        self.tell("response.output_text.delta", place, delta, out);
        if let Body::Message(parts) = &mut self.items[place].body
            && let Some(Content::Text { text, .. }) = parts.last_mut()
        {
            text.push_str(more);
        }
    }

    fn refusal(&mut self, more: &str, out: &mut String) {
        let place = self.message(out);
        let index = self.content(place, |it| matches!(it, Content::Refusal(_)), out);
        let delta = json!({ "content_index": index, "delta": more });
        self.tell("response.refusal.delta", place, delta, out);
        if let Body::Message(parts) = &mut self.items[place].body
            && let Some(Content::Refusal(text)) = parts.last_mut()
        {
            text.push_str(more);
        }
    }

    /// The last part of a message if it is of the wanted kind, or a new one.
    fn content(&mut self, place: usize, fits: fn(&Content) -> bool, out: &mut String) -> usize {
        let Body::Message(parts) = &self.items[place].body else { return 0 };
        let count = parts.len();
        if parts.last().is_some_and(fits) {
            return count - 1;
        }
        if count > 0 {
            self.end_content(place, count - 1, out);
        }
        let fresh = Content::Text { text: String::new(), logprobs: Vec::new() };
        let fresh = if fits(&fresh) { fresh } else { Content::Refusal(String::new()) };
        let begun = json!({ "content_index": count, "part": fresh.view() });
        self.tell("response.content_part.added", place, begun, out);
        let fresh = match fresh {
            Content::Text { text, .. } => {
                Content::Text { text, logprobs: std::mem::take(&mut self.early) }
            }
            refusal => refusal,
        };
        if let Body::Message(parts) = &mut self.items[place].body {
            parts.push(fresh);
        }
        count
    }

    fn end_content(&mut self, place: usize, index: usize, out: &mut String) {
        let Body::Message(parts) = &self.items[place].body else { return };
        let part = parts[index].view();
        let (kind, said) = match &parts[index] {
            Content::Text { text, logprobs } => (
                "response.output_text.done",
                json!({ "content_index": index, "text": text, "logprobs": logprobs }),
            ),
            Content::Refusal(text) => {
                ("response.refusal.done", json!({ "content_index": index, "refusal": text }))
            }
        };
        self.tell(kind, place, said, out);
        let done = json!({ "content_index": index, "part": part });
        self.tell("response.content_part.done", place, done, out);
    }

    fn think(&mut self, more: &str, out: &mut String) {
        let fresh = Body::Reasoning { text: String::new(), sealed: None };
        let open = self.last(|it| matches!(it, Body::Reasoning { .. }));
        let place = open.unwrap_or_else(|| {
            self.close_last(out);
            let place = self.begin("rs", fresh, out);
            let part = json!({ "type": "reasoning_text", "text": "" });
            let begun = json!({ "content_index": 0, "part": part });
            self.tell("response.content_part.added", place, begun, out);
            place
        });
        let delta = json!({ "content_index": 0, "delta": more });
        self.tell("response.reasoning_text.delta", place, delta, out);
        if let Body::Reasoning { text, .. } = &mut self.items[place].body {
            text.push_str(more);
        }
    }

    /// Ends a thought with its proof. Providers may withhold the text and give the proof alone.
    fn sign(&mut self, proof: String, out: &mut String) {
        let open = self.last(|it| matches!(it, Body::Reasoning { .. }));
        let Some(place) = open else {
            let thought = Part::Thinking { text: String::new(), signature: Some(proof) };
            return self.sealed(&Sealed::Thought(thought), out);
        };
        let encrypted = self.include.encrypted;
        if let Body::Reasoning { text, sealed } = &mut self.items[place].body
            && encrypted
        {
            let thought = Part::Thinking { text: text.clone(), signature: Some(proof) };
            *sealed = Some(seal(&Sealed::Thought(thought)));
        }
        self.close(place, out);
    }

    /// Something that only its provider can read; nothing unless the caller asked for it.
    fn sealed(&mut self, sealed: &Sealed, out: &mut String) {
        self.close_last(out);
        if !self.include.encrypted {
            return;
        }
        let body = Body::Reasoning { text: String::new(), sealed: Some(seal(sealed)) };
        let place = self.begin("rs", body, out);
        self.close(place, out);
    }

    fn argue(&mut self, call: u32, fragment: &str, out: &mut String) {
        let Some(place) = self.calls.get(&call).copied() else { return };
        let delta = json!({ "delta": fragment });
        self.tell("response.function_call_arguments.delta", place, delta, out);
        if let Body::Call { arguments, .. } = &mut self.items[place].body {
            arguments.push_str(fragment);
        }
    }

    fn probable(&mut self, tokens: &[TokenLogProb]) {
        let views = tokens.iter().map(logprob);
        if let Some(Item { open: true, body: Body::Message(parts), .. }) = self.items.last_mut()
            && let Some(Content::Text { logprobs, .. }) = parts.last_mut()
        {
            logprobs.extend(views);
            return;
        }
        self.early.extend(views);
    }

    /// Ends what was said or thought last; calls end on their own.
    fn close_last(&mut self, out: &mut String) {
        if let Some(place) = self.last(|it| !matches!(it, Body::Call { .. })) {
            self.close(place, out);
        }
    }

    fn close(&mut self, place: usize, out: &mut String) {
        if !std::mem::replace(&mut self.items[place].open, false) {
            return;
        }
        match &self.items[place].body {
            Body::Message(parts) if !parts.is_empty() => {
                let last = parts.len() - 1;
                self.end_content(place, last, out);
            }
            Body::Reasoning { text, .. } if !text.is_empty() => {
                let part = json!({ "type": "reasoning_text", "text": text });
                let said = json!({ "content_index": 0, "text": text });
                self.tell("response.reasoning_text.done", place, said, out);
                let done = json!({ "content_index": 0, "part": part });
                self.tell("response.content_part.done", place, done, out);
            }
            Body::Call { name, arguments, .. } => {
                let said = json!({ "name": name, "arguments": arguments });
                self.tell("response.function_call_arguments.done", place, said, out);
            }
            Body::Message(_) | Body::Reasoning { .. } => {}
        }
        let item = self.items[place].view();
        self.tell("response.output_item.done", place, json!({ "item": item }), out);
    }
}

impl Item {
    fn view(&self) -> Value {
        let status = match (self.open, self.cut) {
            (true, _) => "in_progress",
            (false, true) => "incomplete",
            (false, false) => "completed",
        };
        match &self.body {
            Body::Message(parts) => {
                let content: Vec<Value> = parts.iter().map(Content::view).collect();
                json!({
                    "id": self.id, "type": "message", "status": status, "role": "assistant",
                    "content": content,
                })
            }
            Body::Reasoning { text, sealed } => {
                let content =
                    (!text.is_empty()).then(|| json!({ "type": "reasoning_text", "text": text }));
                let content: Vec<Value> = content.into_iter().collect();
                let mut item = json!({
                    "id": self.id, "type": "reasoning", "status": status, "summary": [],
                    "content": content,
                });
                if let Some(sealed) = sealed {
                    item["encrypted_content"] = sealed.as_str().into();
                }
                item
            }
            Body::Call { id, name, arguments } => json!({
                "id": self.id, "type": "function_call", "status": status, "call_id": id,
                "name": name, "arguments": arguments,
            }),
        }
    }
}

impl Content {
    fn view(&self) -> Value {
        match self {
            Self::Text { text, logprobs } => json!({
                "type": "output_text", "text": text, "annotations": [], "logprobs": logprobs,
            }),
            Self::Refusal(text) => json!({ "type": "refusal", "refusal": text }),
        }
    }
}
