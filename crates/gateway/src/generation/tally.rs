//! What an answer took, counted while it passes by.

use freehold_vocabulary::chat::{
    Accumulator, BadSequence, ChatAnswer, ChatEvent, ChatRequest, StopReason, Usage, UsageBasis,
};

/// Bytes of text per token, where the engine does not count.
const BYTES_PER_TOKEN: u64 = 4;

/// Follows the events of one answer.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    answer: Accumulator,
    upstream: Option<String>,
    reported: Option<Usage>,
    bytes_written: u64,
    stop: Option<StopReason>,
}

impl Tally {
    /// Takes one event.
    ///
    /// # Errors
    /// When it cannot come here.
    pub(crate) fn see(&mut self, event: &ChatEvent) -> Result<(), BadSequence> {
        match event {
            ChatEvent::Started { model, .. } => self.upstream = Some(model.clone()),
            ChatEvent::Usage(usage) => self.reported = Some(*usage),
            ChatEvent::TextDelta { text, .. }
            | ChatEvent::RefusalDelta { text, .. }
            | ChatEvent::ThinkingDelta { text, .. } => self.bytes_written += text.len() as u64,
            ChatEvent::ToolCallStarted { name, .. } => self.bytes_written += name.len() as u64,
            ChatEvent::ToolCallArguments { fragment, .. } => {
                self.bytes_written += fragment.len() as u64;
            }
            ChatEvent::Finished { choice: 0, reason } => self.stop = Some(reason.clone()),
            _ => {}
        }
        self.answer.push(event.clone())
    }

    /// Whether every choice that began has ended, and one did.
    pub(crate) fn is_finished(&self) -> bool {
        self.answer.is_finished()
    }

    /// The model as the engine named it.
    pub(crate) fn upstream(&self) -> Option<&str> {
        self.upstream.as_deref().filter(|it| !it.is_empty())
    }

    /// What the first choice ended with.
    pub(crate) fn stop(&self) -> Option<&'static str> {
        self.stop.as_ref().map(stop_word)
    }

    /// Tokens as the engine reported them; if it did not and the answer began, an estimate.
    pub(crate) fn usage(&self, request: &ChatRequest) -> (Usage, UsageBasis) {
        if let Some(usage) = self.reported {
            return (usage, UsageBasis::Reported);
        }
        if self.upstream.is_none() {
            return (Usage::default(), UsageBasis::Nothing);
        }
        let output_tokens = self.bytes_written.div_ceil(BYTES_PER_TOKEN);
        let usage =
            Usage { input_tokens: estimated_input(request), output_tokens, ..Usage::default() };
        (usage, UsageBasis::Estimated)
    }

    /// The answer, if it is whole.
    pub(crate) fn into_answer(self) -> Option<ChatAnswer> {
        self.answer.finish().ok()
    }
}

/// A token per four bytes of text. Images are not counted.
pub(crate) fn estimated_input(request: &ChatRequest) -> u64 {
    let mut bytes = 0;
    request.each_text(&mut |text| bytes += text.len() as u64);
    let schemas = request.tools.iter().map(|it| it.parameters.to_string().len() as u64);
    (bytes + schemas.sum::<u64>()).div_ceil(BYTES_PER_TOKEN)
}

fn stop_word(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::EndTurn => "end_turn",
        StopReason::StopSequence { .. } => "stop_sequence",
        StopReason::MaxTokens => "max_tokens",
        StopReason::ToolCalls => "tool_calls",
        StopReason::ContentFilter => "content_filter",
        StopReason::Refusal => "refusal",
        StopReason::Other { .. } => "other",
    }
}
