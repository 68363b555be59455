//! Counts a try from its beginning to its end, however it ends.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use freehold_vocabulary::EngineName;
use freehold_vocabulary::chat::{
    Attempt, AttemptOutcome, ChatError, ChatEvent, Delivery, Phase, Usage, UsageBasis,
};
use freehold_vocabulary::ports::{AttemptLog, ChatStream};
use futures::{Stream, StreamExt as _};
use tokio::time::Instant;

/// Bytes of a token, where nobody counted: English text has about four.
const BYTES_PER_TOKEN: u64 = 4;
/// Events held back until an answer is known to be whole.
const HELD_MAX: usize = 1 << 20;

/// What a try that has ended tells those who choose replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// Refused for load, or too slow.
    Overloaded,
    /// Failed by its own fault.
    Broken,
    /// The caller left, or was to blame.
    None,
}

/// Receives the verdict: with how long the first event took.
pub(super) type OnEnd = Box<dyn FnOnce(Verdict, Duration) + Send>;

/// A try under way. Dropped without an end, it was cancelled.
pub(super) struct Trial {
    pub(super) engine: EngineName,
    pub(super) model: String,
    pub(super) input_bytes: u64,
    log: Arc<dyn AttemptLog>,
    on_end: Option<OnEnd>,
    begun: Instant,
    first: Option<Duration>,
    usage: Option<Usage>,
    output_bytes: u64,
    /// Of them, those that came before the engine last said what it counted.
    counted_bytes: u64,
}

impl Trial {
    pub(super) fn begin(
        engine: EngineName,
        model: String,
        input_bytes: u64,
        log: Arc<dyn AttemptLog>,
        on_end: OnEnd,
    ) -> Self {
        Self {
            engine,
            model,
            input_bytes,
            log,
            on_end: Some(on_end),
            begun: Instant::now(),
            first: None,
            usage: None,
            output_bytes: 0,
            counted_bytes: 0,
        }
    }

    pub(super) fn see(&mut self, event: &ChatEvent) {
        let bytes = match event {
            ChatEvent::Usage(usage) => {
                self.usage = Some(*usage);
                self.counted_bytes = self.output_bytes;
                return;
            }
            ChatEvent::Started { .. } | ChatEvent::Extra { .. } => return,
            ChatEvent::TextDelta { text, .. }
            | ChatEvent::RefusalDelta { text, .. }
            | ChatEvent::ThinkingDelta { text, .. }
            | ChatEvent::ToolCallArguments { fragment: text, .. } => text.len(),
            ChatEvent::ToolCallStarted { name, .. } => name.len(),
            _ => 0,
        };
        self.first.get_or_insert_with(|| self.begun.elapsed());
        self.output_bytes += bytes as u64;
    }

    pub(super) fn answered(mut self, usage: Option<Usage>) {
        self.usage = usage.or(self.usage);
        self.end(AttemptOutcome::Answered, Verdict::Good, true);
    }

    pub(super) fn failed(mut self, error: &ChatError) {
        let verdict = match error {
            ChatError::RateLimited { .. } | ChatError::NotAsked { .. } => Verdict::Overloaded,
            ChatError::Unavailable { status: 503 | 529, .. } | ChatError::Timeout { .. } => {
                Verdict::Broken
            }
            it if it.is_fault_of_engine() => Verdict::Broken,
            _ => Verdict::None,
        };
        // What a server refused or never received costs nothing; all else may be on the bill.
        let worked = matches!(error, ChatError::Timeout { phase, .. } if *phase != Phase::Connect)
            || matches!(
                error,
                ChatError::Truncated { .. }
                    | ChatError::Malformed { .. }
                    | ChatError::TooLarge { .. }
            )
            || self.output_bytes > 0;
        self.end(AttemptOutcome::Failed(error.to_string()), verdict, worked);
    }

    fn end(&mut self, outcome: AttemptOutcome, verdict: Verdict, worked: bool) {
        let Some(on_end) = self.on_end.take() else { return };
        let duration = self.begun.elapsed();
        on_end(verdict, self.first.unwrap_or(duration));
        let tokens = |bytes: u64| bytes.div_ceil(BYTES_PER_TOKEN);
        let whole = outcome == AttemptOutcome::Answered;
        let (usage, basis) = match self.usage {
            Some(usage) if whole => (usage, UsageBasis::Reported),
            // Some engines count with every piece; then nothing is left to guess.
            Some(usage) if self.counted_bytes == self.output_bytes => (usage, UsageBasis::Reported),
            // Counts of the beginning do not know what came after.
            Some(mut usage) => {
                usage.output_tokens += tokens(self.output_bytes - self.counted_bytes);
                (usage, UsageBasis::Estimated)
            }
            None if worked => {
                let usage = Usage {
                    input_tokens: tokens(self.input_bytes),
                    output_tokens: tokens(self.output_bytes),
                    ..Usage::default()
                };
                (usage, UsageBasis::Estimated)
            }
            None => (Usage::default(), UsageBasis::Nothing),
        };
        self.log.record(Attempt {
            engine: self.engine.clone(),
            model: self.model.clone(),
            outcome,
            usage,
            basis,
            first_token: self.first,
            duration,
        });
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.end(AttemptOutcome::Cancelled, Verdict::None, true);
    }
}

/// Waits until an answer can be given on: a whole one until its end, so that a broken one can
/// still be tried again; a streamed one until its first content.
pub(super) async fn settle(
    mut stream: ChatStream,
    mut trial: Trial,
    delivery: Delivery,
) -> Result<ChatStream, ChatError> {
    let mut held = VecDeque::new();
    while let Some(came) = stream.next().await {
        let event = match came {
            Ok(event) => event,
            Err(error) => {
                trial.failed(&error);
                return Err(error);
            }
        };
        trial.see(&event);
        held.push_back(event);
        let has_content = trial.first.is_some() && delivery == Delivery::Streamed;
        if has_content || held.len() >= HELD_MAX {
            return Ok(Box::pin(Metered { held, rest: Some((stream, trial)) }));
        }
    }
    trial.answered(None);
    Ok(Box::pin(Metered { held, rest: None }))
}

/// An answer of which some is known, and the rest is counted as it comes.
struct Metered {
    held: VecDeque<ChatEvent>,
    rest: Option<(ChatStream, Trial)>,
}

impl Stream for Metered {
    type Item = Result<ChatEvent, ChatError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(event) = self.held.pop_front() {
            return Poll::Ready(Some(Ok(event)));
        }
        let Some((stream, trial)) = &mut self.rest else { return Poll::Ready(None) };
        let came = ready!(stream.poll_next_unpin(context));
        if let Some(Ok(event)) = &came {
            trial.see(event);
            return Poll::Ready(came);
        }
        if let Some((_, trial)) = self.rest.take() {
            match &came {
                Some(Err(error)) => trial.failed(error),
                _ => trial.answered(None),
            }
        }
        Poll::Ready(came)
    }
}
