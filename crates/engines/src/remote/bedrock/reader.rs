//! Answers of Converse, whole or in frames, to events.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{ChatEvent, Protocol, StopReason, Usage};
use serde::Deserialize;
use serde_json::Value;

use crate::remote::frames::EXCEPTION;
use crate::remote::wire::{Reader, Said, Trouble, json};

/// Content blocks an answer may have.
const BLOCKS_MAX: usize = 4096;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    output: Output,
    stop_reason: String,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Debug, Deserialize)]
struct Output {
    message: Message,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    content: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AtBlock {
    #[serde(default)]
    content_block_index: u32,
    #[serde(default)]
    start: Value,
    #[serde(default)]
    delta: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stop {
    stop_reason: String,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: u64,
    #[serde(default)]
    cache_write_input_tokens: u64,
}

/// A call of a tool that is being written: its number, and whether arguments have come.
#[derive(Debug, Clone, Copy)]
struct Writing {
    call: u32,
    has_arguments: bool,
}

pub(super) struct BedrockReader {
    model: String,
    ignored: Option<Vec<String>>,
    open: BTreeMap<u32, Writing>,
    blocks_seen: usize,
    calls: u32,
    finished: bool,
    done: bool,
}

impl BedrockReader {
    pub(super) fn new(model: &str, ignored: Vec<String>) -> Self {
        Self {
            model: model.to_owned(),
            ignored: Some(ignored),
            open: BTreeMap::new(),
            blocks_seen: 0,
            calls: 0,
            finished: false,
            done: false,
        }
    }

    /// Nothing here says which model answers: it is the one that was asked.
    fn start(&mut self, events: &mut Vec<ChatEvent>) -> Result<(), Trouble> {
        let Some(ignored) = self.ignored.take() else {
            return Err(Trouble::unreadable("the answer began twice"));
        };
        let (id, model) = (String::new(), self.model.clone());
        events.push(ChatEvent::Started { id, model, ignored });
        Ok(())
    }

    fn count_block(&mut self) -> Result<(), Trouble> {
        self.blocks_seen += 1;
        if self.blocks_seen > BLOCKS_MAX {
            return Err(Trouble::unreadable("the answer has too many content blocks"));
        }
        Ok(())
    }

    fn begin_call(&mut self, tool: &Value) -> Result<(ChatEvent, u32), Trouble> {
        let text = |name: &str| tool[name].as_str().unwrap_or("").to_owned();
        let (id, name) = (text("toolUseId"), text("name"));
        if id.is_empty() || name.is_empty() {
            return Err(Trouble::unreadable("a tool use has no id or no name"));
        }
        let call = self.calls;
        self.calls += 1;
        Ok((ChatEvent::ToolCallStarted { choice: 0, call, id, name, signature: None }, call))
    }

    fn delta(
        &mut self,
        at: u32,
        delta: &Value,
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), Trouble> {
        if let Some(text) = delta["text"].as_str() {
            push_text(text, events);
        } else if let Some(fragment) = delta["toolUse"]["input"].as_str() {
            let Some(writing) = self.open.get_mut(&at) else {
                return Err(Trouble::Unreadable(format!("content block {at} is no open tool use")));
            };
            if !fragment.is_empty() {
                writing.has_arguments = true;
                let (call, fragment) = (writing.call, fragment.to_owned());
                events.push(ChatEvent::ToolCallArguments { choice: 0, call, fragment });
            }
        } else {
            // Citations, images and what the future brings have no meaning here.
            thought(&delta["reasoningContent"], events);
        }
        Ok(())
    }

    fn block(
        &mut self,
        at: u32,
        block: &Value,
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), Trouble> {
        self.count_block()?;
        if let Some(text) = block["text"].as_str() {
            push_text(text, events);
        } else if block["toolUse"].is_object() {
            let tool = &block["toolUse"];
            let (started, call) = self.begin_call(tool)?;
            let fragment = match &tool["input"] {
                Value::Object(_) => tool["input"].to_string(),
                _ => "{}".to_owned(),
            };
            events.push(started);
            events.push(ChatEvent::ToolCallArguments { choice: 0, call, fragment });
            events.push(ChatEvent::ToolCallEnded { choice: 0, call });
        } else if block["reasoningContent"].is_object() {
            thought(&block["reasoningContent"], events);
            thought(&block["reasoningContent"]["reasoningText"], events);
        } else {
            events.push(ChatEvent::Extra {
                protocol: Protocol::Bedrock,
                name: format!("content_block_{at}"),
                value: block.clone(),
            });
        }
        Ok(())
    }

    fn finish(&mut self, reason: &str, events: &mut Vec<ChatEvent>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        for writing in std::mem::take(&mut self.open).into_values() {
            end_call(writing, events);
        }
        let reason = match reason {
            "end_turn" => StopReason::EndTurn,
            "max_tokens" | "model_context_window_exceeded" => StopReason::MaxTokens,
            "stop_sequence" => StopReason::StopSequence { sequence: None },
            "tool_use" => StopReason::ToolCalls,
            "guardrail_intervened" | "content_filtered" => StopReason::ContentFilter,
            other => StopReason::Other { name: other.chars().take(64).collect() },
        };
        events.push(ChatEvent::Finished { choice: 0, reason });
    }
}

/// No arguments are an empty object, in a whole answer as in a streamed one.
fn end_call(writing: Writing, events: &mut Vec<ChatEvent>) {
    let Writing { call, has_arguments } = writing;
    if !has_arguments {
        let fragment = "{}".to_owned();
        events.push(ChatEvent::ToolCallArguments { choice: 0, call, fragment });
    }
    events.push(ChatEvent::ToolCallEnded { choice: 0, call });
}

fn push_text(text: &str, events: &mut Vec<ChatEvent>) {
    if !text.is_empty() {
        events.push(ChatEvent::TextDelta { choice: 0, text: text.to_owned() });
    }
}

fn thought(thought: &Value, events: &mut Vec<ChatEvent>) {
    let text = |name: &str| thought[name].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    let choice = 0;
    events.extend(text("text").map(|text| ChatEvent::ThinkingDelta { choice, text }));
    let signed = text("signature");
    events.extend(signed.map(|signature| ChatEvent::ThinkingSigned { choice, signature }));
    let redacted = text("redactedContent");
    events.extend(redacted.map(|data| ChatEvent::ThinkingRedacted { choice, data }));
}

/// Here the input is what no cache held; with us it is all of it. Thinking is not told apart.
fn usage(it: &Tokens) -> ChatEvent {
    let cached = it.cache_read_input_tokens.saturating_add(it.cache_write_input_tokens);
    ChatEvent::Usage(Usage {
        input_tokens: it.input_tokens.saturating_add(cached),
        cached_input_tokens: it.cache_read_input_tokens,
        cache_written_tokens: it.cache_write_input_tokens,
        output_tokens: it.output_tokens,
        reasoning_tokens: 0,
    })
}

impl Reader for BedrockReader {
    fn piece(&mut self, name: &str, data: &str) -> Result<Vec<ChatEvent>, Trouble> {
        if let Some(exception) = name.strip_prefix(EXCEPTION) {
            return Err(Trouble::Said(said_of(exception, data.as_bytes())));
        }
        let mut events = Vec::new();
        match name {
            "messageStart" => self.start(&mut events)?,
            "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" | "messageStop"
            | "metadata"
                if self.ignored.is_some() =>
            {
                return Err(Trouble::unreadable("the answer does not begin with messageStart"));
            }
            "contentBlockStart" => {
                self.count_block()?;
                let it: AtBlock = json(data.as_bytes(), "the start of a content block")?;
                if it.start["toolUse"].is_object() {
                    let (started, call) = self.begin_call(&it.start["toolUse"])?;
                    events.push(started);
                    let writing = Writing { call, has_arguments: false };
                    self.open.insert(it.content_block_index, writing);
                }
            }
            "contentBlockDelta" => {
                let it: AtBlock = json(data.as_bytes(), "a piece of a content block")?;
                self.delta(it.content_block_index, &it.delta, &mut events)?;
            }
            "contentBlockStop" => {
                let it: AtBlock = json(data.as_bytes(), "the end of a content block")?;
                if let Some(writing) = self.open.remove(&it.content_block_index) {
                    end_call(writing, &mut events);
                }
            }
            "messageStop" => {
                let it: Stop = json(data.as_bytes(), "the end of a message")?;
                self.finish(&it.stop_reason, &mut events);
            }
            "metadata" => {
                let it: Metadata = json(data.as_bytes(), "the metadata of an answer")?;
                events.extend(it.usage.as_ref().map(usage));
                self.done = self.finished;
            }
            _ => {}
        }
        Ok(events)
    }

    fn whole(&mut self, body: &[u8]) -> Result<Vec<ChatEvent>, Trouble> {
        let answer: Answer = json(body, "an answer of Converse")?;
        let mut events = Vec::new();
        self.start(&mut events)?;
        for (block, at) in answer.output.message.content.iter().zip(0..) {
            self.block(at, block, &mut events)?;
        }
        self.finish(&answer.stop_reason, &mut events);
        events.extend(answer.usage.as_ref().map(usage));
        self.done = true;
        Ok(events)
    }

    fn end(&mut self) -> Result<Vec<ChatEvent>, Trouble> {
        if self.finished {
            return Ok(Vec::new());
        }
        Err(Trouble::Cut("no stop reason came".to_owned()))
    }

    /// What an answer took comes after its end.
    fn is_done(&self) -> bool {
        self.done
    }
}

pub(super) fn said(status: u16, body: &[u8]) -> Said {
    // The model failed, not the request, although the number says so.
    let status = if status == 424 { 500 } else { status };
    let body: Option<Value> = serde_json::from_slice(body)
        .ok()
        .or_else(|| Some(serde_json::json!({ "message": String::from_utf8_lossy(body) })));
    let body = body.unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let message = text("message").or_else(|| text("Message"));
    Said {
        status,
        code: text("__type"),
        message: message.unwrap_or_else(|| "no message".to_owned()),
        retry_after_ms: None,
    }
}

/// Inside a stream the status has been 200 for long; the name tells what it should have been.
fn said_of(exception: &str, body: &[u8]) -> Said {
    let status = match exception {
        "throttlingException" => 429,
        "validationException" => 400,
        "serviceUnavailableException" => 503,
        _ => 500,
    };
    Said { code: Some(exception.to_owned()), ..said(status, body) }
}
