//! Events as the frames of Anthropic's answer: a stream sends them one by one, a whole answer is
//! what they add up to. So the two cannot differ.
//!
//! Blocks of this protocol follow each other and never overlap. What an engine says of a later
//! block while an earlier one is open waits for its turn.

use std::collections::{BTreeMap, VecDeque};

use freehold_vocabulary::chat::{ChatEvent, StopReason, Usage};
use serde_json::{Value, json};

use crate::anthropic::wire::{error_body, stop, usage};
use crate::error::ApiError;
use crate::generation::sse::{Encode, named};
use crate::generation::{About, Settled};
use crate::openai::wire::Freehold;

/// What all frames share.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) model: String,
    /// What the protocol has no field for, at the beginning of the answer.
    pub(crate) freehold: Value,
}

impl Head {
    pub(crate) fn of(about: &About) -> Self {
        Self {
            id: format!("msg_{}", about.trace_id),
            model: about.model.clone(),
            freehold: json!(about),
        }
    }

    fn message(&self, content: Vec<Value>, taken: &Usage) -> Value {
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model,
            "content": content, "stop_reason": null, "stop_sequence": null,
            "usage": usage(taken), "freehold": self.freehold,
        })
    }

    /// What is known at the end, in place of what was known at the beginning.
    fn settled(&self, settled: &Settled) -> Value {
        let mut freehold = self.freehold.clone();
        if let (Value::Object(fields), Value::Object(end)) =
            (&mut freehold, json!(Freehold::end(settled)))
        {
            fields.extend(end);
        }
        freehold
    }
}

/// What happens to the block at an index.
#[derive(Debug)]
enum Frame {
    Start(usize, Value),
    Delta(usize, Value),
    Stop(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Thinking,
    Other,
}

#[derive(Debug)]
struct Block {
    kind: Kind,
    /// Until it was sent.
    start: Option<Value>,
    deltas: Vec<Value>,
    closed: bool,
}

/// Turns events into frames, in order.
#[derive(Debug, Default)]
struct Blocks {
    /// Blocks that are not over; the first one is at `sent`.
    waiting: VecDeque<Block>,
    sent: usize,
    calls: BTreeMap<u32, usize>,
    reason: Option<StopReason>,
}

impl Blocks {
    /// The protocol has one choice.
    fn take(&mut self, event: ChatEvent) -> Vec<Frame> {
        match event {
            ChatEvent::TextDelta { choice: 0, text } if !text.is_empty() => {
                self.write(Kind::Text, json!({ "type": "text_delta", "text": text }));
            }
            ChatEvent::RefusalDelta { choice: 0, text } if !text.is_empty() => {
                self.write(Kind::Refusal, json!({ "type": "text_delta", "text": text }));
            }
            ChatEvent::ThinkingDelta { choice: 0, text } if !text.is_empty() => {
                self.write(Kind::Thinking, json!({ "type": "thinking_delta", "thinking": text }));
            }
            ChatEvent::ThinkingSigned { choice: 0, signature } => {
                let delta = json!({ "type": "signature_delta", "signature": signature });
                self.write(Kind::Thinking, delta);
                self.close_last();
            }
            ChatEvent::ThinkingRedacted { choice: 0, data } => {
                self.open(Kind::Other, json!({ "type": "redacted_thinking", "data": data }));
                self.close_last();
            }
            ChatEvent::ToolCallStarted { choice: 0, call, id, name, .. } => {
                let start = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
                self.open(Kind::Other, start);
                self.calls.insert(call, self.sent + self.waiting.len() - 1);
            }
            ChatEvent::ToolCallArguments { choice: 0, call, fragment } => {
                if let Some(block) = self.call(call) {
                    block
                        .deltas
                        .push(json!({ "type": "input_json_delta", "partial_json": fragment }));
                }
            }
            ChatEvent::ToolCallEnded { choice: 0, call } => {
                if let Some(block) = self.call(call) {
                    block.closed = true;
                }
            }
            ChatEvent::Finished { choice: 0, reason } => {
                self.waiting.iter_mut().for_each(|it| it.closed = true);
                self.reason = Some(reason);
            }
            _ => {}
        }
        self.due()
    }

    fn call(&mut self, call: u32) -> Option<&mut Block> {
        let place = self.calls.get(&call)?.checked_sub(self.sent)?;
        self.waiting.get_mut(place)
    }

    /// Goes on with the last block if it is of that kind, or begins one.
    fn write(&mut self, kind: Kind, delta: Value) {
        if !self.waiting.back().is_some_and(|it| it.kind == kind && !it.closed) {
            let start = match kind {
                Kind::Thinking => json!({ "type": "thinking", "thinking": "", "signature": "" }),
                Kind::Text | Kind::Refusal | Kind::Other => json!({ "type": "text", "text": "" }),
            };
            self.open(kind, start);
        }
        if let Some(last) = self.waiting.back_mut() {
            last.deltas.push(delta);
        }
    }

    /// Calls end by themselves; texts and thoughts end when something else begins.
    fn open(&mut self, kind: Kind, start: Value) {
        if self.waiting.back().is_some_and(|it| it.kind != Kind::Other) {
            self.close_last();
        }
        let (start, deltas) = (Some(start), Vec::new());
        self.waiting.push_back(Block { kind, start, deltas, closed: false });
    }

    fn close_last(&mut self) {
        if let Some(last) = self.waiting.back_mut() {
            last.closed = true;
        }
    }

    /// What may go out now.
    fn due(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(block) = self.waiting.front_mut() {
            frames.extend(block.start.take().map(|start| Frame::Start(self.sent, start)));
            frames.extend(block.deltas.drain(..).map(|delta| Frame::Delta(self.sent, delta)));
            if !block.closed {
                break;
            }
            frames.push(Frame::Stop(self.sent));
            self.waiting.pop_front();
            self.sent += 1;
        }
        frames
    }

    fn stop(&self) -> (Value, Value) {
        let (reason, sequence) = self.reason.as_ref().map_or(("end_turn", None), stop);
        (json!(reason), json!(sequence))
    }
}

/// Writes the frames of a stream.
#[derive(Debug)]
pub(crate) struct Frames {
    head: Head,
    blocks: Blocks,
    began: bool,
}

impl Frames {
    pub(crate) fn new(head: Head) -> Self {
        Self { head, blocks: Blocks::default(), began: false }
    }

    /// Once, before everything else.
    fn beginning(&mut self, taken: &Usage) -> String {
        if std::mem::replace(&mut self.began, true) {
            return String::new();
        }
        let message = self.head.message(Vec::new(), taken);
        let start = named("message_start", &json!({ "type": "message_start", "message": message }));
        start + &named("ping", &json!({ "type": "ping" }))
    }

    fn ending(&self, taken: &Usage, freehold: &Value) -> String {
        let (reason, sequence) = self.blocks.stop();
        let delta = json!({
            "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": sequence },
            "usage": usage(taken), "freehold": freehold,
        });
        named("message_delta", &delta) + &named("message_stop", &json!({ "type": "message_stop" }))
    }
}

impl Encode for Frames {
    fn event(&mut self, event: ChatEvent) -> String {
        // Some engines count what they read before they write; then the beginning can say it.
        let mut text = match &event {
            ChatEvent::Started { .. } => return String::new(),
            ChatEvent::Usage(usage) => self.beginning(usage),
            _ => self.beginning(&Usage::default()),
        };
        self.blocks.take(event).iter().for_each(|frame| text.push_str(&frame.told()));
        text
    }

    fn end(&mut self, settled: Settled) -> String {
        let freehold = self.head.settled(&settled);
        self.beginning(&settled.usage) + &self.ending(&settled.usage, &freehold)
    }

    fn failed(&mut self, error: &ApiError) -> String {
        named("error", &error_body(&error.face(), None))
    }
}

impl Frame {
    fn told(&self) -> String {
        match self {
            Self::Start(index, block) => named(
                "content_block_start",
                &json!({ "type": "content_block_start", "index": index, "content_block": block }),
            ),
            Self::Delta(index, delta) => named(
                "content_block_delta",
                &json!({ "type": "content_block_delta", "index": index, "delta": delta }),
            ),
            Self::Stop(index) => named(
                "content_block_stop",
                &json!({ "type": "content_block_stop", "index": index }),
            ),
        }
    }
}

/// A text that is there at once, as a stream.
pub(crate) fn told(head: &Head, whole: Whole, taken: &Usage) -> String {
    let mut frames = Frames::new(head.clone());
    let mut text = frames.beginning(taken);
    for (index, block) in whole.content.iter().enumerate() {
        let said = block["text"].as_str().unwrap_or_default();
        let start = Frame::Start(index, json!({ "type": "text", "text": "" }));
        let delta = Frame::Delta(index, json!({ "type": "text_delta", "text": said }));
        for frame in [start, delta, Frame::Stop(index)] {
            text.push_str(&frame.told());
        }
    }
    text + &frames.ending(taken, &head.freehold)
}

/// Adds frames up.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    blocks: Blocks,
    content: Vec<Value>,
    /// Of the call that is open.
    arguments: String,
}

impl Whole {
    pub(crate) fn add(&mut self, event: ChatEvent) {
        for frame in self.blocks.take(event) {
            match frame {
                Frame::Start(_, block) => self.content.push(block),
                Frame::Delta(_, delta) => self.grow(&delta),
                Frame::Stop(_) => self.close(),
            }
        }
    }

    /// A text that is there at once.
    pub(crate) fn text(&mut self, text: String) {
        self.content.push(json!({ "type": "text", "text": text }));
    }

    pub(crate) fn message(self, head: &Head, settled: &Settled) -> Value {
        let freehold = head.settled(settled);
        self.plain_message(&Head { freehold, ..head.clone() }, &settled.usage)
    }

    pub(crate) fn plain_message(self, head: &Head, taken: &Usage) -> Value {
        let (reason, sequence) = self.blocks.stop();
        let mut message = head.message(self.content, taken);
        message["stop_reason"] = reason;
        message["stop_sequence"] = sequence;
        message
    }

    fn grow(&mut self, delta: &Value) {
        let Some(block) = self.content.last_mut() else { return };
        for (name, more) in [("text", "text"), ("thinking", "thinking"), ("signature", "signature")]
        {
            if let Some(more) = delta[more].as_str() {
                let before = block[name].as_str().unwrap_or_default();
                block[name] = json!(format!("{before}{more}"));
            }
        }
        self.arguments.push_str(delta["partial_json"].as_str().unwrap_or_default());
    }

    fn close(&mut self) {
        let arguments = std::mem::take(&mut self.arguments);
        let Some(block) = self.content.last_mut().filter(|it| it["type"] == "tool_use") else {
            return;
        };
        block["input"] = input(&arguments);
    }
}

/// The arguments as an object. What a model wrote that is none is kept under the name that the
/// protocol's documentation proposes for it.
fn input(arguments: &str) -> Value {
    if arguments.is_empty() {
        return json!({});
    }
    match serde_json::from_str::<Value>(arguments) {
        Ok(value @ Value::Object(_)) => value,
        _ => json!({ "INVALID_JSON": arguments }),
    }
}
