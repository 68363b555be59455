//! Folds events into a whole answer, and holds engines to the order of events.

use std::collections::BTreeMap;

use super::event::{ChatEvent, StopReason, TokenLogProb};
use super::{ChatAnswer, Choice, Extras, Part, ToolUse, Usage};

/// An answer in the making. How texts and arguments were cut into pieces leaves no mark.
#[derive(Debug, Clone, Default)]
pub struct Accumulator {
    started: Option<(String, String, Vec<String>)>,
    choices: BTreeMap<u32, Growing>,
    usage: Option<Usage>,
    extras: Extras,
}

/// One choice in the making.
#[derive(Debug, Clone, Default)]
struct Growing {
    parts: Vec<Part>,
    /// For each call, where it stands in `parts`, and whether it goes on.
    calls: Vec<(usize, Call)>,
    logprobs: Vec<TokenLogProb>,
    reason: Option<StopReason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Open,
    Ended,
}

/// Events came in an order that no answer has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSequence {
    #[error("the answer began twice")]
    StartedTwice,
    #[error("content came before the beginning of the answer")]
    NotStarted,
    #[error("choice {choice} went on after its end")]
    AfterTheEnd { choice: u32 },
    #[error("tool call {call} of choice {choice} is not open")]
    NoSuchCall { choice: u32, call: u32 },
    #[error("choice {choice} ended with an open tool call")]
    OpenCall { choice: u32 },
    #[error("the answer has no choice that ended")]
    Unfinished,
}

impl Accumulator {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one event.
    ///
    /// # Errors
    /// When it cannot come here.
    pub fn push(&mut self, event: ChatEvent) -> Result<(), BadSequence> {
        if let ChatEvent::Started { id, model, ignored } = event {
            let before = self.started.replace((id, model, ignored));
            return before.map_or(Ok(()), |_| Err(BadSequence::StartedTwice));
        }
        if self.started.is_none() {
            return Err(BadSequence::NotStarted);
        }
        match event {
            ChatEvent::Started { .. } => {}
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Extra { protocol, name, value } => {
                self.extras.insert(protocol, name, value);
            }
            ChatEvent::TextDelta { choice, text } => self.growing(choice)?.text(text),
            ChatEvent::RefusalDelta { choice, text } => self.growing(choice)?.refusal(text),
            ChatEvent::ThinkingDelta { choice, text } => self.growing(choice)?.thinking(text),
            ChatEvent::ThinkingSigned { choice, signature } => {
                self.growing(choice)?.sign(signature);
            }
            ChatEvent::ThinkingRedacted { choice, data } => {
                self.growing(choice)?.parts.push(Part::RedactedThinking { data });
            }
            ChatEvent::ToolCallStarted { choice, call, id, name, signature } => {
                let tool = ToolUse { id, name, arguments: String::new(), signature };
                self.growing(choice)?.begin_call(choice, call, tool)?;
            }
            ChatEvent::ToolCallArguments { choice, call, fragment } => {
                self.growing(choice)?.open_call(choice, call)?.0.arguments.push_str(&fragment);
            }
            ChatEvent::ToolCallEnded { choice, call } => {
                *self.growing(choice)?.open_call(choice, call)?.1 = Call::Ended;
            }
            ChatEvent::LogProbs { choice, tokens } => {
                self.growing(choice)?.logprobs.extend(tokens);
            }
            ChatEvent::Finished { choice, reason } => {
                let growing = self.growing(choice)?;
                if growing.calls.iter().any(|(_, call)| *call == Call::Open) {
                    return Err(BadSequence::OpenCall { choice });
                }
                growing.reason = Some(reason);
            }
        }
        Ok(())
    }

    /// Whether every choice that began has ended, and one did.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(|it| it.reason.is_some())
    }

    /// Tokens so far, if the engine said.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Bytes of text, thought and arguments so far, for estimates of what a broken answer took.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let mut bytes = 0;
        for part in self.choices.values().flat_map(|it| &it.parts) {
            part.each_text(&mut |text| bytes += text.len() as u64);
        }
        bytes
    }

    /// The whole answer.
    ///
    /// # Errors
    /// When a choice did not end: the stream was cut.
    pub fn finish(self) -> Result<ChatAnswer, BadSequence> {
        let (id, model, ignored) = self.started.ok_or(BadSequence::NotStarted)?;
        let ended = self.choices.into_iter().map(|(index, it)| {
            let reason = it.reason.ok_or(BadSequence::Unfinished)?;
            Ok(Choice { index, parts: it.parts, reason, logprobs: it.logprobs })
        });
        let choices = ended.collect::<Result<Vec<_>, _>>()?;
        if choices.is_empty() {
            return Err(BadSequence::Unfinished);
        }
        Ok(ChatAnswer { id, model, ignored, choices, usage: self.usage, extras: self.extras })
    }

    fn growing(&mut self, choice: u32) -> Result<&mut Growing, BadSequence> {
        let growing = self.choices.entry(choice).or_default();
        match growing.reason {
            None => Ok(growing),
            Some(_) => Err(BadSequence::AfterTheEnd { choice }),
        }
    }
}

impl Growing {
    fn text(&mut self, more: String) {
        match self.parts.last_mut() {
            Some(Part::Text { text }) => text.push_str(&more),
            _ if more.is_empty() => {}
            _ => self.parts.push(Part::Text { text: more }),
        }
    }

    fn refusal(&mut self, more: String) {
        match self.parts.last_mut() {
            Some(Part::Refusal { text }) => text.push_str(&more),
            _ if more.is_empty() => {}
            _ => self.parts.push(Part::Refusal { text: more }),
        }
    }

    fn thinking(&mut self, more: String) {
        match self.parts.last_mut() {
            Some(Part::Thinking { text, signature: None }) => text.push_str(&more),
            _ if more.is_empty() => {}
            _ => self.parts.push(Part::Thinking { text: more, signature: None }),
        }
    }

    fn sign(&mut self, proof: String) {
        match self.parts.last_mut() {
            Some(Part::Thinking { signature: signature @ None, .. }) => *signature = Some(proof),
            // Providers may withhold the text and still ask for the signature back.
            _ => {
                let (text, signature) = (String::new(), Some(proof));
                self.parts.push(Part::Thinking { text, signature });
            }
        }
    }

    fn begin_call(&mut self, choice: u32, call: u32, tool: ToolUse) -> Result<(), BadSequence> {
        if call as usize != self.calls.len() {
            return Err(BadSequence::NoSuchCall { choice, call });
        }
        self.calls.push((self.parts.len(), Call::Open));
        self.parts.push(Part::ToolUse(tool));
        Ok(())
    }

    fn open_call(
        &mut self,
        choice: u32,
        call: u32,
    ) -> Result<(&mut ToolUse, &mut Call), BadSequence> {
        let missing = BadSequence::NoSuchCall { choice, call };
        match self.calls.get_mut(call as usize) {
            Some((place, state @ Call::Open)) => match &mut self.parts[*place] {
                Part::ToolUse(tool) => Ok((tool, state)),
                _ => Err(missing),
            },
            _ => Err(missing),
        }
    }
}
