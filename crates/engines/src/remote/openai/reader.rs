//! Answers in OpenAI's words, whole or in pieces, to events.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{
    ChatEvent, Protocol, StopReason, TokenAlternative, TokenLogProb, Usage,
};
use serde::Deserialize;
use serde_json::Value;

use super::Dialect;
use crate::remote::wire::{Reader, Said, Trouble, json};

/// Choices an answer may have; a server that sends more is broken.
const CHOICES_MAX: usize = 256;
/// Tool calls a choice may have.
const CALLS_MAX: usize = 1024;

/// A piece of a stream, or a whole answer: they differ in `delta` and `message` only.
#[derive(Debug, Deserialize)]
struct Piece {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Vec<PieceChoice>,
    #[serde(default)]
    usage: Option<PieceUsage>,
    #[serde(default)]
    x_groq: Option<XGroq>,
    #[serde(default)]
    system_fingerprint: Option<String>,
    #[serde(default)]
    service_tier: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct XGroq {
    #[serde(default)]
    usage: Option<PieceUsage>,
}

#[derive(Debug, Deserialize)]
struct PieceChoice {
    #[serde(default)]
    index: u32,
    #[serde(default, alias = "message")]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    logprobs: Option<LogProbs>,
    /// The stop sequence, as vLLM says it; a token's number otherwise.
    #[serde(default)]
    stop_reason: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    refusal: Option<String>,
    /// DeepSeek, SGLang, llama-server.
    #[serde(default)]
    reasoning_content: Option<String>,
    /// OpenRouter, Groq, Ollama, vLLM.
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<DeltaCall>>,
}

#[derive(Debug, Deserialize)]
struct DeltaCall {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<DeltaFunction>,
}

#[derive(Debug, Default, Deserialize)]
struct DeltaFunction {
    #[serde(default)]
    name: Option<String>,
    /// A text; some servers send the object itself.
    #[serde(default)]
    arguments: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct LogProbs {
    #[serde(default)]
    content: Option<Vec<PieceToken>>,
    #[serde(default)]
    refusal: Option<Vec<PieceToken>>,
}

#[derive(Debug, Deserialize)]
struct PieceToken {
    token: String,
    logprob: f64,
    #[serde(default)]
    bytes: Option<Vec<u8>>,
    #[serde(default)]
    top_logprobs: Vec<TokenAlternative>,
}

#[derive(Debug, Deserialize)]
struct PieceUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
    /// DeepSeek.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

/// One choice as far as it has come.
#[derive(Debug, Default)]
struct Growing {
    /// For each call, the server's index and id.
    calls: Vec<(Option<u64>, String)>,
    finished: bool,
}

pub(super) struct OpenAiReader {
    dialect: Dialect,
    expected: u32,
    ignored: Option<Vec<String>>,
    choices: BTreeMap<u32, Growing>,
    done: bool,
}

impl OpenAiReader {
    pub(super) fn new(dialect: Dialect, expected: u32, ignored: Vec<String>) -> Self {
        let choices = BTreeMap::new();
        Self { dialect, expected, ignored: Some(ignored), choices, done: false }
    }

    fn take(&mut self, piece: Piece) -> Result<Vec<ChatEvent>, Trouble> {
        if let Some(error) = piece.error.filter(|it| !it.is_null()) {
            return Err(Trouble::Said(said_value(500, &error)));
        }
        let mut events = Vec::new();
        if let Some(ignored) = self.ignored.take() {
            let (id, model) = (piece.id.unwrap_or_default(), piece.model.unwrap_or_default());
            events.push(ChatEvent::Started { id, model, ignored });
        }
        for (name, value) in
            [("system_fingerprint", piece.system_fingerprint), ("service_tier", piece.service_tier)]
        {
            if let Some(value) = value.map(Value::String) {
                let (protocol, name) = (Protocol::OpenAi, name.to_owned());
                events.push(ChatEvent::Extra { protocol, name, value });
            }
        }
        for choice in piece.choices {
            self.choice(choice, &mut events)?;
        }
        if let Some(usage) = piece.usage.or(piece.x_groq.and_then(|it| it.usage)) {
            events.push(ChatEvent::Usage(self.usage(&usage)));
        }
        Ok(events)
    }

    fn choice(&mut self, piece: PieceChoice, events: &mut Vec<ChatEvent>) -> Result<(), Trouble> {
        let choice = piece.index;
        if self.choices.len() >= CHOICES_MAX && !self.choices.contains_key(&choice) {
            return Err(Trouble::unreadable("the answer has too many choices"));
        }
        let growing = self.choices.entry(choice).or_default();
        let mut content = Vec::new();
        if let Some(delta) = piece.delta {
            growing.delta(choice, delta, &mut content)?;
        }
        if let Some(logprobs) = piece.logprobs {
            let tokens = logprobs.content.into_iter().chain(logprobs.refusal).flatten();
            let tokens: Vec<TokenLogProb> = tokens.map(PieceToken::into).collect();
            if !tokens.is_empty() {
                content.push(ChatEvent::LogProbs { choice, tokens });
            }
        }
        if growing.finished {
            // Some servers repeat an empty piece; content after the end is something else.
            return match content.is_empty() {
                true => Ok(()),
                false => Err(Trouble::unreadable("a choice went on after its end")),
            };
        }
        events.append(&mut content);
        if let Some(reason) = piece.finish_reason {
            growing.finished = true;
            let calls = 0..growing.calls.len() as u32;
            events.extend(calls.map(|call| ChatEvent::ToolCallEnded { choice, call }));
            let has_calls = !growing.calls.is_empty();
            let reason = stop_reason(&reason, has_calls, piece.stop_reason);
            events.push(ChatEvent::Finished { choice, reason });
        }
        Ok(())
    }

    fn usage(&self, it: &PieceUsage) -> Usage {
        let details = it.prompt_tokens_details.as_ref();
        let cached = details.and_then(|it| it.cached_tokens).or(it.prompt_cache_hit_tokens);
        let reasoning = it.completion_tokens_details.as_ref().and_then(|it| it.reasoning_tokens);
        let reasoning_tokens = reasoning.unwrap_or(0);
        let beside = if self.dialect.reasoning_beside_output { reasoning_tokens } else { 0 };
        Usage {
            input_tokens: it.prompt_tokens,
            cached_input_tokens: cached.unwrap_or(0),
            cache_written_tokens: details.and_then(|it| it.cache_write_tokens).unwrap_or(0),
            output_tokens: it.completion_tokens.saturating_add(beside),
            reasoning_tokens,
        }
    }
}

impl Growing {
    fn delta(
        &mut self,
        choice: u32,
        delta: Delta,
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), Trouble> {
        let full = |text: Option<String>| text.filter(|it| !it.is_empty());
        let thought = full(delta.reasoning_content).or(full(delta.reasoning));
        events.extend(thought.map(|text| ChatEvent::ThinkingDelta { choice, text }));
        content(choice, delta.content, events)?;
        let refusal = full(delta.refusal);
        events.extend(refusal.map(|text| ChatEvent::RefusalDelta { choice, text }));
        for call in delta.tool_calls.into_iter().flatten() {
            self.call(choice, call, events)?;
        }
        Ok(())
    }

    /// Finds the call that a piece belongs to, or begins one. The index should tell; but some
    /// servers send none, or 0 for all, and then a new id tells.
    fn call(
        &mut self,
        choice: u32,
        piece: DeltaCall,
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), Trouble> {
        let DeltaCall { index, id, function } = piece;
        let id = id.filter(|it| !it.is_empty());
        let function = function.unwrap_or_default();
        let known = match (index, &id) {
            (Some(_), _) => self.calls.iter().rposition(|(at, _)| *at == index),
            (None, Some(id)) => self.calls.iter().position(|(_, it)| it == id),
            (None, None) => self.calls.len().checked_sub(1).filter(|_| function.name.is_none()),
        };
        let known = known.filter(|at| id.as_ref().is_none_or(|id| *id == self.calls[*at].1));
        let call = match known {
            Some(at) => at as u32,
            None => {
                let name = function.name.filter(|it| !it.is_empty());
                let name = name.ok_or_else(|| Trouble::unreadable("a tool call has no name"))?;
                let call = self.calls.len();
                if call >= CALLS_MAX {
                    return Err(Trouble::unreadable("a choice has too many tool calls"));
                }
                let id = id.unwrap_or_else(|| format!("call-{choice}-{call}"));
                self.calls.push((index, id.clone()));
                let (call, signature) = (call as u32, None);
                events.push(ChatEvent::ToolCallStarted { choice, call, id, name, signature });
                call
            }
        };
        let fragment = match function.arguments {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        };
        if !fragment.is_empty() {
            events.push(ChatEvent::ToolCallArguments { choice, call, fragment });
        }
        Ok(())
    }
}

/// A text, or Mistral's list of texts and thoughts.
fn content(choice: u32, value: Option<Value>, events: &mut Vec<ChatEvent>) -> Result<(), Trouble> {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => {
            if !text.is_empty() {
                events.push(ChatEvent::TextDelta { choice, text });
            }
        }
        Some(Value::Array(chunks)) => {
            for chunk in chunks {
                match chunk["type"].as_str() {
                    Some("text") => content(choice, Some(chunk["text"].clone()), events)?,
                    Some("thinking") => {
                        let texts = chunk["thinking"].as_array().into_iter().flatten();
                        let texts = texts.filter_map(|it| it["text"].as_str());
                        events.extend(
                            texts
                                .filter(|it| !it.is_empty())
                                .map(|it| ChatEvent::ThinkingDelta { choice, text: it.to_owned() }),
                        );
                    }
                    _ => return Err(Trouble::unreadable("a content of unknown kind")),
                }
            }
        }
        Some(_) => return Err(Trouble::unreadable("the content is neither a text nor a list")),
    }
    Ok(())
}

fn stop_reason(reason: &str, has_calls: bool, sequence: Option<Value>) -> StopReason {
    match reason {
        // A forced call ends with `stop` at OpenAI and vLLM; the caller must run it all the same.
        "stop" | "tool_calls" | "function_call" if has_calls => StopReason::ToolCalls,
        "stop" | "eos_token" | "eos" | "tool_calls" => match sequence {
            Some(Value::String(text)) => StopReason::StopSequence { sequence: Some(text) },
            _ => StopReason::EndTurn,
        },
        "stop_sequence" => StopReason::StopSequence { sequence: None },
        "length" | "max_tokens" | "model_length" => StopReason::MaxTokens,
        "content_filter" => StopReason::ContentFilter,
        other => StopReason::Other { name: other.chars().take(64).collect() },
    }
}

impl From<PieceToken> for TokenLogProb {
    fn from(it: PieceToken) -> Self {
        Self { token: it.token, logprob: it.logprob, bytes: it.bytes, top: it.top_logprobs }
    }
}

impl Reader for OpenAiReader {
    fn piece(&mut self, _name: &str, data: &str) -> Result<Vec<ChatEvent>, Trouble> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(Vec::new());
        }
        self.take(json(data.as_bytes(), "a piece of a completion")?)
    }

    fn whole(&mut self, body: &[u8]) -> Result<Vec<ChatEvent>, Trouble> {
        let events = self.take(json(body, "a completion")?)?;
        self.done = true;
        Ok(events)
    }

    /// Not every server sends the end mark; that every choice has ended is enough.
    fn end(&mut self) -> Result<Vec<ChatEvent>, Trouble> {
        let open = self.choices.values().filter(|it| !it.finished).count();
        if open > 0 || self.choices.is_empty() {
            return Err(Trouble::Cut("no finish reason came".to_owned()));
        }
        if !self.done && self.choices.len() < self.expected as usize {
            let (came, asked) = (self.choices.len(), self.expected);
            return Err(Trouble::Cut(format!("{came} of {asked} choices came")));
        }
        Ok(Vec::new())
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

/// The error in a body: `{"error": {…}}`, `{"error": "…"}`, `{"message": …}`, `{"detail": …}`,
/// or anything else as it is.
pub(super) fn said(status: u16, body: &[u8]) -> Said {
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(fields)) => {
            let inner = fields.get("error").filter(|it| !it.is_null()).cloned();
            said_value(status, &inner.unwrap_or(Value::Object(fields)))
        }
        _ => Said { status, message: text.into_owned(), ..Said::default() },
    }
}

fn said_value(status: u16, error: &Value) -> Said {
    let text = |name: &str| match error.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        None | Some(Value::Null) => None,
        Some(other) => Some(other.to_string()),
    };
    let code = text("code").or_else(|| text("type"));
    let message = match error {
        Value::String(text) => text.clone(),
        _ => text("message").or_else(|| text("detail")).unwrap_or_else(|| error.to_string()),
    };
    // Inside a stream the status has been 200 for long; the code tells what it should have been.
    let status = match code.as_deref() {
        Some(code) if status == 500 => status_of(code),
        _ => status,
    };
    Said { status, code, message, retry_after_ms: None }
}

fn status_of(code: &str) -> u16 {
    match code {
        "rate_limit_exceeded" | "insufficient_quota" | "rate_limit_error" => 429,
        "invalid_request_error" | "context_length_exceeded" => 400,
        _ => code.parse().ok().filter(|it| (400..600).contains(it)).unwrap_or(500),
    }
}
