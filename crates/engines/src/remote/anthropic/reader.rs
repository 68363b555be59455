//! Answers in Anthropic's words, whole or in pieces, to events.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{ChatEvent, Protocol, StopReason, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::remote::wire::{Reader, Said, Trouble, json};

/// Content blocks an answer may have.
const BLOCKS_MAX: usize = 4096;

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    id: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    content: Vec<Value>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
    #[serde(default)]
    usage: Option<PieceUsage>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece {
    MessageStart {
        message: Answer,
    },
    ContentBlockStart {
        index: u32,
        content_block: Value,
    },
    ContentBlockDelta {
        index: u32,
        delta: Value,
    },
    ContentBlockStop {
        index: u32,
    },
    MessageDelta {
        delta: MessageDelta,
        #[serde(default)]
        usage: Option<PieceUsage>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    /// `ping`, and what the future brings.
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
struct MessageDelta {
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct PieceUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

/// What an open content block is to us.
#[derive(Debug)]
enum Block {
    Text,
    Thinking,
    /// With its number among the calls, and whether arguments have come.
    Call(u32, bool),
    /// Nothing of ours: kept as an extra.
    Other,
}

pub(super) struct AnthropicReader {
    ignored: Option<Vec<String>>,
    usage: PieceUsage,
    blocks: BTreeMap<u32, Block>,
    blocks_seen: usize,
    calls: u32,
    finished: bool,
    done: bool,
}

impl AnthropicReader {
    pub(super) fn new(ignored: Vec<String>) -> Self {
        Self {
            ignored: Some(ignored),
            usage: PieceUsage::default(),
            blocks: BTreeMap::new(),
            blocks_seen: 0,
            calls: 0,
            finished: false,
            done: false,
        }
    }

    fn take(&mut self, piece: Piece) -> Result<Vec<ChatEvent>, Trouble> {
        let mut events = Vec::new();
        match piece {
            Piece::MessageStart { message } => {
                let Some(ignored) = self.ignored.take() else {
                    return Err(Trouble::unreadable("the answer began twice"));
                };
                events.push(ChatEvent::Started { id: message.id, model: message.model, ignored });
                events.extend(self.usage(message.usage));
            }
            Piece::Unknown => {}
            Piece::Error { error } => return Err(Trouble::Said(said_value(500, &error))),
            _ if self.ignored.is_some() => {
                return Err(Trouble::unreadable("the answer does not begin with message_start"));
            }
            Piece::ContentBlockStart { index, content_block } => {
                self.begin(index, &content_block, &mut events)?;
            }
            Piece::ContentBlockDelta { index, delta } => self.delta(index, &delta, &mut events)?,
            Piece::ContentBlockStop { index } => {
                if let Some(Block::Call(call, has_arguments)) = self.blocks.remove(&index) {
                    events.extend(end_of_call(call, has_arguments));
                }
            }
            Piece::MessageDelta { delta, usage } => {
                events.extend(self.usage(usage));
                self.finish(delta, &mut events);
            }
            Piece::MessageStop => self.done = true,
        }
        Ok(events)
    }

    fn begin(
        &mut self,
        index: u32,
        block: &Value,
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), Trouble> {
        self.blocks_seen += 1;
        if self.blocks_seen > BLOCKS_MAX {
            return Err(Trouble::unreadable("the answer has too many content blocks"));
        }
        let text = |name: &str| block[name].as_str().unwrap_or("").to_owned();
        let kind = match block["type"].as_str() {
            Some("text") => {
                push_text(text("text"), events);
                Block::Text
            }
            Some("thinking") => {
                push_thought(text("thinking"), events);
                push_signature(text("signature"), events);
                Block::Thinking
            }
            Some("redacted_thinking") => {
                events.push(ChatEvent::ThinkingRedacted { choice: 0, data: text("data") });
                Block::Other
            }
            Some("tool_use") => {
                let call = self.calls;
                self.calls += 1;
                let (id, name) = (text("id"), text("name"));
                if id.is_empty() || name.is_empty() {
                    return Err(Trouble::unreadable("a tool use has no id or no name"));
                }
                events.push(ChatEvent::ToolCallStarted {
                    choice: 0,
                    call,
                    id,
                    name,
                    signature: None,
                });
                // A whole answer has the input here, a streamed one an empty object.
                let fragment = match &block["input"] {
                    Value::Object(input) if !input.is_empty() => block["input"].to_string(),
                    _ => String::new(),
                };
                let has_arguments = !fragment.is_empty();
                if has_arguments {
                    events.push(ChatEvent::ToolCallArguments { choice: 0, call, fragment });
                }
                Block::Call(call, has_arguments)
            }
            _ => {
                events.push(ChatEvent::Extra {
                    protocol: Protocol::Anthropic,
                    name: format!("content_block_{index}"),
                    value: block.clone(),
                });
                Block::Other
            }
        };
        self.blocks.insert(index, kind);
        Ok(())
    }

    fn delta(
        &mut self,
        index: u32,
        delta: &Value,
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), Trouble> {
        let text = |name: &str| delta[name].as_str().unwrap_or("").to_owned();
        let Some(block) = self.blocks.get_mut(&index) else {
            return Err(Trouble::Unreadable(format!("content block {index} is not open")));
        };
        match (block, delta["type"].as_str()) {
            (Block::Text, Some("text_delta")) => push_text(text("text"), events),
            (Block::Thinking, Some("thinking_delta")) => push_thought(text("thinking"), events),
            (Block::Thinking, Some("signature_delta")) => push_signature(text("signature"), events),
            (Block::Call(call, has_arguments), Some("input_json_delta")) => {
                let (call, fragment) = (*call, text("partial_json"));
                if !fragment.is_empty() {
                    *has_arguments = true;
                    events.push(ChatEvent::ToolCallArguments { choice: 0, call, fragment });
                }
            }
            // Citations, and pieces of blocks that have no meaning here.
            _ => {}
        }
        Ok(())
    }

    /// Later counts are totals; what they leave out stays as it was.
    fn usage(&mut self, more: Option<PieceUsage>) -> Option<ChatEvent> {
        let (more, known) = (more?, &mut self.usage);
        known.input_tokens = more.input_tokens.or(known.input_tokens);
        known.output_tokens = more.output_tokens.or(known.output_tokens);
        known.cache_read_input_tokens =
            more.cache_read_input_tokens.or(known.cache_read_input_tokens);
        known.cache_creation_input_tokens =
            more.cache_creation_input_tokens.or(known.cache_creation_input_tokens);
        known.output_tokens_details = more.output_tokens_details.or(known.output_tokens_details);
        let read = known.cache_read_input_tokens.unwrap_or(0);
        let written = known.cache_creation_input_tokens.unwrap_or(0);
        // Here the input is what no cache held; with us it is all of it.
        let fresh = known.input_tokens.unwrap_or(0);
        let thinking = known.output_tokens_details.and_then(|it| it.thinking_tokens);
        Some(ChatEvent::Usage(Usage {
            input_tokens: fresh.saturating_add(read).saturating_add(written),
            cached_input_tokens: read,
            cache_written_tokens: written,
            output_tokens: known.output_tokens.unwrap_or(0),
            reasoning_tokens: thinking.unwrap_or(0),
        }))
    }

    fn finish(&mut self, delta: MessageDelta, events: &mut Vec<ChatEvent>) {
        let Some(reason) = delta.stop_reason.filter(|_| !self.finished) else { return };
        self.finished = true;
        for block in std::mem::take(&mut self.blocks).into_values() {
            if let Block::Call(call, has_arguments) = block {
                events.extend(end_of_call(call, has_arguments));
            }
        }
        let reason = match reason.as_str() {
            "end_turn" => StopReason::EndTurn,
            "max_tokens" | "model_context_window_exceeded" => StopReason::MaxTokens,
            "stop_sequence" => StopReason::StopSequence { sequence: delta.stop_sequence },
            "tool_use" => StopReason::ToolCalls,
            "refusal" => StopReason::Refusal,
            other => StopReason::Other { name: other.chars().take(64).collect() },
        };
        events.push(ChatEvent::Finished { choice: 0, reason });
    }
}

/// No arguments are an empty object, in a whole answer as in a streamed one.
fn end_of_call(call: u32, has_arguments: bool) -> impl Iterator<Item = ChatEvent> {
    let fragment = "{}".to_owned();
    let none =
        (!has_arguments).then_some(ChatEvent::ToolCallArguments { choice: 0, call, fragment });
    none.into_iter().chain([ChatEvent::ToolCallEnded { choice: 0, call }])
}

fn push_text(text: String, events: &mut Vec<ChatEvent>) {
    if !text.is_empty() {
        events.push(ChatEvent::TextDelta { choice: 0, text });
    }
}

fn push_thought(text: String, events: &mut Vec<ChatEvent>) {
    if !text.is_empty() {
        events.push(ChatEvent::ThinkingDelta { choice: 0, text });
    }
}

fn push_signature(signature: String, events: &mut Vec<ChatEvent>) {
    if !signature.is_empty() {
        events.push(ChatEvent::ThinkingSigned { choice: 0, signature });
    }
}

impl Reader for AnthropicReader {
    fn piece(&mut self, _name: &str, data: &str) -> Result<Vec<ChatEvent>, Trouble> {
        self.take(json(data.as_bytes(), "an event of a message")?)
    }

    fn whole(&mut self, body: &[u8]) -> Result<Vec<ChatEvent>, Trouble> {
        let mut answer: Answer = json(body, "a message")?;
        let content = std::mem::take(&mut answer.content);
        let delta = MessageDelta {
            stop_reason: answer.stop_reason.take(),
            stop_sequence: answer.stop_sequence.take(),
        };
        let mut events = self.take(Piece::MessageStart { message: answer })?;
        for (content_block, index) in content.into_iter().zip(0..) {
            events.extend(self.take(Piece::ContentBlockStart { index, content_block })?);
            events.extend(self.take(Piece::ContentBlockStop { index })?);
        }
        events.extend(self.take(Piece::MessageDelta { delta, usage: None })?);
        events.extend(self.take(Piece::MessageStop)?);
        Ok(events)
    }

    fn end(&mut self) -> Result<Vec<ChatEvent>, Trouble> {
        match (self.finished, self.done) {
            (true, true) => Ok(Vec::new()),
            (true, false) => Err(Trouble::Cut("no message_stop came".to_owned())),
            (false, _) => Err(Trouble::Cut("no stop reason came".to_owned())),
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

pub(super) fn said(status: u16, body: &[u8]) -> Said {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if value["error"].is_object() => said_value(status, &value["error"]),
        _ => {
            let message = String::from_utf8_lossy(body).into_owned();
            Said { status, message, ..Said::default() }
        }
    }
}

fn said_value(status: u16, error: &Value) -> Said {
    let code = error["type"].as_str().map(str::to_owned);
    let message = error["message"].as_str().map_or_else(|| json!(error).to_string(), str::to_owned);
    // Inside a stream the status has been 200 for long; the type tells what it should have been.
    let status = match code.as_deref() {
        Some(code) if status == 500 => match code {
            "overloaded_error" => 529,
            "rate_limit_error" => 429,
            "invalid_request_error" | "request_too_large" => 400,
            "authentication_error" | "permission_error" | "billing_error" => 403,
            "not_found_error" => 404,
            "timeout_error" => 504,
            _ => 500,
        },
        _ => status,
    };
    Said { status, code, message, retry_after_ms: None }
}
