//! Answers in Gemini's words, whole or in pieces, to events. Both are the same JSON; calls of
//! tools never come in pieces.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{ChatEvent, StopReason, TokenAlternative, TokenLogProb, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::remote::wire::{Reader, Said, Trouble, json};

/// Candidates an answer may have.
const CHOICES_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Piece {
    #[serde(default)]
    candidates: Vec<Candidate>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default)]
    usage_metadata: Option<PieceUsage>,
    #[serde(default)]
    model_version: Option<String>,
    #[serde(default)]
    response_id: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    logprobs_result: Option<LogProbs>,
}

#[derive(Debug, Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<PiecePart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PiecePart {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thought: Option<bool>,
    #[serde(default)]
    thought_signature: Option<String>,
    #[serde(default)]
    function_call: Option<FunctionCall>,
}

#[derive(Debug, Deserialize)]
struct FunctionCall {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PieceUsage {
    #[serde(default)]
    prompt_token_count: u64,
    #[serde(default)]
    cached_content_token_count: u64,
    #[serde(default)]
    candidates_token_count: u64,
    #[serde(default)]
    thoughts_token_count: u64,
    #[serde(default)]
    tool_use_prompt_token_count: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogProbs {
    #[serde(default)]
    chosen_candidates: Vec<Token>,
    #[serde(default)]
    top_candidates: Vec<Top>,
}

#[derive(Debug, Deserialize)]
struct Top {
    #[serde(default)]
    candidates: Vec<Token>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    log_probability: f64,
}

#[derive(Debug, Default)]
struct Growing {
    calls: u32,
    finished: bool,
}

pub(super) struct GeminiReader {
    ignored: Option<Vec<String>>,
    id: String,
    choices: BTreeMap<u32, Growing>,
}

impl GeminiReader {
    pub(super) fn new(ignored: Vec<String>) -> Self {
        Self { ignored: Some(ignored), id: String::new(), choices: BTreeMap::new() }
    }

    fn take(&mut self, piece: Piece) -> Result<Vec<ChatEvent>, Trouble> {
        if let Some(error) = piece.error {
            return Err(Trouble::Said(said_value(500, &error)));
        }
        let mut events = Vec::new();
        if let Some(ignored) = self.ignored.take() {
            self.id = piece.response_id.unwrap_or_default();
            let model = piece.model_version.unwrap_or_default();
            events.push(ChatEvent::Started { id: self.id.clone(), model, ignored });
        }
        for candidate in piece.candidates {
            self.candidate(candidate, &mut events)?;
        }
        let blocked = piece.prompt_feedback.and_then(|it| it.block_reason);
        if blocked.is_some() && self.choices.is_empty() {
            self.choices.insert(0, Growing { calls: 0, finished: true });
            events.push(ChatEvent::Finished { choice: 0, reason: StopReason::ContentFilter });
        }
        events.extend(piece.usage_metadata.map(|it| ChatEvent::Usage(usage(&it))));
        Ok(events)
    }

    fn candidate(
        &mut self,
        candidate: Candidate,
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), Trouble> {
        let choice = candidate.index;
        if self.choices.len() >= CHOICES_MAX && !self.choices.contains_key(&choice) {
            return Err(Trouble::unreadable("the answer has too many candidates"));
        }
        let growing = self.choices.entry(choice).or_default();
        let parts = candidate.content.map(|it| it.parts).unwrap_or_default();
        if growing.finished {
            return match parts.iter().any(|it| it.function_call.is_some() || it.text.is_some()) {
                true => Err(Trouble::unreadable("a candidate went on after its end")),
                false => Ok(()),
            };
        }
        for part in parts {
            growing.part(choice, &self.id, part, events);
        }
        if let Some(tokens) = candidate.logprobs_result.map(logprobs).filter(|it| !it.is_empty()) {
            events.push(ChatEvent::LogProbs { choice, tokens });
        }
        if let Some(reason) = candidate.finish_reason {
            growing.finished = true;
            let reason = stop_reason(&reason, growing.calls > 0);
            events.push(ChatEvent::Finished { choice, reason });
        }
        Ok(())
    }
}

impl Growing {
    fn part(&mut self, choice: u32, answer: &str, part: PiecePart, events: &mut Vec<ChatEvent>) {
        let signature = part.thought_signature.filter(|it| !it.is_empty());
        if let Some(FunctionCall { id, name, args }) = part.function_call {
            let call = self.calls;
            self.calls += 1;
            // Older models name no calls; the answer's own name makes them unique.
            let id = id.filter(|it| !it.is_empty());
            let id = id.unwrap_or_else(|| format!("call-{answer}-{choice}-{call}"));
            events.push(ChatEvent::ToolCallStarted { choice, call, id, name, signature });
            let fragment = Value::Object(args).to_string();
            events.push(ChatEvent::ToolCallArguments { choice, call, fragment });
            events.push(ChatEvent::ToolCallEnded { choice, call });
            return;
        }
        let Some(text) = part.text.filter(|it| !it.is_empty()) else { return };
        events.push(match part.thought {
            Some(true) => ChatEvent::ThinkingDelta { choice, text },
            _ => ChatEvent::TextDelta { choice, text },
        });
    }
}

fn usage(it: &PieceUsage) -> Usage {
    Usage {
        input_tokens: it.prompt_token_count.saturating_add(it.tool_use_prompt_token_count),
        cached_input_tokens: it.cached_content_token_count,
        cache_written_tokens: 0,
        // Thoughts are counted beside the answer here, and billed like it.
        output_tokens: it.candidates_token_count.saturating_add(it.thoughts_token_count),
        reasoning_tokens: it.thoughts_token_count,
    }
}

fn logprobs(it: LogProbs) -> Vec<TokenLogProb> {
    let mut top = it.top_candidates.into_iter();
    let tokens = it.chosen_candidates.into_iter().map(|chosen| {
        let others = top.next().map(|it| it.candidates).unwrap_or_default();
        let others = others.into_iter().map(|it| TokenAlternative {
            token: it.token,
            logprob: it.log_probability,
            bytes: None,
        });
        TokenLogProb {
            token: chosen.token,
            logprob: chosen.log_probability,
            bytes: None,
            top: others.collect(),
        }
    });
    tokens.collect()
}

fn stop_reason(reason: &str, has_calls: bool) -> StopReason {
    match reason {
        "STOP" if has_calls => StopReason::ToolCalls,
        "STOP" => StopReason::EndTurn,
        "MAX_TOKENS" => StopReason::MaxTokens,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => {
            StopReason::ContentFilter
        }
        other => StopReason::Other { name: other.chars().take(64).collect() },
    }
}

impl Reader for GeminiReader {
    fn piece(&mut self, _name: &str, data: &str) -> Result<Vec<ChatEvent>, Trouble> {
        self.take(json(data.as_bytes(), "a piece of generated content")?)
    }

    fn whole(&mut self, body: &[u8]) -> Result<Vec<ChatEvent>, Trouble> {
        self.take(json(body, "generated content")?)
    }

    fn end(&mut self) -> Result<Vec<ChatEvent>, Trouble> {
        if self.choices.is_empty() || self.choices.values().any(|it| !it.finished) {
            return Err(Trouble::Cut("no finish reason came".to_owned()));
        }
        Ok(Vec::new())
    }

    /// The protocol has no end mark: the connection's end is it.
    fn is_done(&self) -> bool {
        false
    }
}

pub(super) fn said(status: u16, body: &[u8]) -> Said {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(items)) => match items.first() {
            Some(first) => said_value(status, &first["error"]),
            None => Said { status, ..Said::default() },
        },
        Ok(value) if value["error"].is_object() => said_value(status, &value["error"]),
        _ => {
            let message = String::from_utf8_lossy(body).into_owned();
            Said { status, message, ..Said::default() }
        }
    }
}

fn said_value(status: u16, error: &Value) -> Said {
    let inner = error["code"].as_u64().and_then(|it| u16::try_from(it).ok());
    let status = if status == 500 { inner.unwrap_or(status) } else { status };
    // A wrong key is a bad request here.
    let details = || error["details"].as_array().into_iter().flatten();
    let wrong_key = details().any(|it| it["reason"] == "API_KEY_INVALID");
    let delay = details().find_map(|it| it["retryDelay"].as_str()?.strip_suffix('s'));
    let seconds = delay.and_then(|it| it.parse::<f64>().ok()).filter(|it| *it >= 0.0);
    Said {
        status: if wrong_key { 401 } else { status },
        code: error["status"].as_str().map(str::to_owned),
        message: error["message"].as_str().unwrap_or("no message").to_owned(),
        retry_after_ms: seconds.map(|it| (it * 1000.0) as u64),
    }
}
