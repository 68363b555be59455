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
    text: Written,
    /// Tokens of the answer before it was taken up again.
    before: u64,
}

/// The text so far, as long as it is all that came.
#[derive(Debug, Default)]
enum Written {
    #[default]
    Nothing,
    Text(String),
    /// Something else came too.
    More,
}

impl Tally {
    /// Takes one event.
    ///
    /// # Errors
    /// When it cannot come here.
    pub(crate) fn see(&mut self, event: &ChatEvent) -> Result<(), BadSequence> {
        self.text.see(event);
        match event {
            // An answer that is taken up again began long ago.
            ChatEvent::Started { model, .. } if self.before > 0 => {
                self.upstream = Some(model.clone());
                return Ok(());
            }
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

    /// The text so far, if the answer is nothing else yet and has no end.
    pub(crate) fn written(&self) -> Option<&str> {
        match &self.text {
            Written::Text(text) if self.stop.is_none() => Some(text),
            _ => None,
        }
    }

    /// Tokens of the answer so far.
    pub(crate) fn output_tokens(&self) -> u64 {
        let guess = self.bytes_written.div_ceil(BYTES_PER_TOKEN);
        self.before + self.reported.map_or(guess, |it| it.output_tokens.max(1))
    }

    /// From now on another engine goes on with the answer.
    pub(crate) fn resume(&mut self) {
        self.before = self.output_tokens().max(1);
        self.reported = None;
        self.bytes_written = 0;
        // The next engine has said nothing yet.
        self.upstream = None;
    }

    /// Whether the engine that writes now has said something.
    pub(crate) fn has_own(&self) -> bool {
        self.bytes_written > 0
    }

    /// Whether the answer was taken up again.
    pub(crate) fn is_resumed(&self) -> bool {
        self.before > 0
    }

    /// What the caller's answer took, however many engines wrote at it: the request once, and
    /// everything that was written.
    pub(crate) fn usage(&self, request: &ChatRequest) -> (Usage, UsageBasis) {
        let (mut usage, basis) = self.own_usage(request);
        if self.before == 0 {
            return (usage, basis);
        }
        if basis == UsageBasis::Reported {
            // The beginning of the answer was a part of what the last engine read.
            usage.input_tokens = usage.input_tokens.saturating_sub(self.before);
        }
        usage.output_tokens = usage.output_tokens.saturating_add(self.before);
        (usage, UsageBasis::Estimated)
    }

    /// Tokens as the engine reported them; if it did not and the answer began, an estimate.
    pub(crate) fn own_usage(&self, request: &ChatRequest) -> (Usage, UsageBasis) {
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

impl Written {
    fn see(&mut self, event: &ChatEvent) {
        match (&mut *self, event) {
            (_, ChatEvent::Started { .. } | ChatEvent::Usage(_) | ChatEvent::Extra { .. }) => {}
            (_, ChatEvent::Finished { .. }) => {}
            (Self::Nothing, ChatEvent::TextDelta { choice: 0, text }) => {
                *self = Self::Text(text.clone());
            }
            (Self::Text(written), ChatEvent::TextDelta { choice: 0, text }) => {
                written.push_str(text);
            }
            _ => *self = Self::More,
        }
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
