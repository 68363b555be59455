//! A whole answer.

use serde::{Deserialize, Serialize};

use super::event::{ChatEvent, StopReason, TokenLogProb};
use super::{Extras, Part, Usage};

/// What came back, as [`super::Accumulator`] folds it. Normal form: choices in order of index,
/// no empty texts, no two texts side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatAnswer {
    pub id: String,
    pub model: String,
    /// Wishes of the request that the engine could not fulfil, by name.
    pub ignored: Vec<String>,
    pub choices: Vec<Choice>,
    /// `None` if the engine did not say.
    pub usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Extras::is_empty")]
    pub extras: Extras,
}

/// One of the `n` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    pub index: u32,
    pub parts: Vec<Part>,
    pub reason: StopReason,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logprobs: Vec<TokenLogProb>,
}

impl Choice {
    /// The texts, joined.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

impl ChatAnswer {
    /// The events that fold into this answer, every text in one piece.
    #[must_use]
    pub fn events(&self) -> Vec<ChatEvent> {
        let mut events = vec![ChatEvent::Started {
            id: self.id.clone(),
            model: self.model.clone(),
            ignored: self.ignored.clone(),
        }];
        events.extend(self.extras.iter().map(|(protocol, name, value)| ChatEvent::Extra {
            protocol,
            name: name.to_owned(),
            value: value.clone(),
        }));
        for choice in &self.choices {
            choice.push_events(&mut events);
        }
        events.extend(self.usage.map(ChatEvent::Usage));
        events
    }
}

impl Choice {
    fn push_events(&self, events: &mut Vec<ChatEvent>) {
        let choice = self.index;
        let mut calls = 0;
        for part in &self.parts {
            match part {
                Part::Text { text } => {
                    events.push(ChatEvent::TextDelta { choice, text: text.clone() });
                }
                Part::Refusal { text } => {
                    events.push(ChatEvent::RefusalDelta { choice, text: text.clone() });
                }
                Part::Thinking { text, signature } => {
                    if !text.is_empty() {
                        events.push(ChatEvent::ThinkingDelta { choice, text: text.clone() });
                    }
                    events.extend(
                        signature
                            .clone()
                            .map(|signature| ChatEvent::ThinkingSigned { choice, signature }),
                    );
                }
                Part::RedactedThinking { data } => {
                    events.push(ChatEvent::ThinkingRedacted { choice, data: data.clone() });
                }
                Part::ToolUse(tool) => {
                    let call = calls;
                    calls += 1;
                    events.push(ChatEvent::ToolCallStarted {
                        choice,
                        call,
                        id: tool.id.clone(),
                        name: tool.name.clone(),
                        signature: tool.signature.clone(),
                    });
                    if !tool.arguments.is_empty() {
                        let fragment = tool.arguments.clone();
                        events.push(ChatEvent::ToolCallArguments { choice, call, fragment });
                    }
                    events.push(ChatEvent::ToolCallEnded { choice, call });
                }
                // No event makes these: they stand in requests only.
                Part::Image { .. }
                | Part::ToolResult { .. }
                | Part::CachePoint { .. }
                | Part::Foreign { .. } => {}
            }
        }
        if !self.logprobs.is_empty() {
            events.push(ChatEvent::LogProbs { choice, tokens: self.logprobs.clone() });
        }
        events.push(ChatEvent::Finished { choice, reason: self.reason.clone() });
    }
}
