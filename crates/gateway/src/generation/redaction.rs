//! What a model is sent when its rule takes identifiers out, and how they come back.
//!
//! What goes out is searched once more: a class falls only by the rule of the model, and only as
//! far as what is still found allows. Values are in no record; counts of kinds are.

use std::collections::{BTreeMap, HashMap};

use freehold_vocabulary::audit::Word;
use freehold_vocabulary::chat::{ChatEvent, Leaves, StopReason};
use freehold_vocabulary::egress::Classified;
use freehold_vocabulary::ports::{Redaction, Restore, Within};

use super::class::{joined, searched};
use crate::error::ApiError;
use crate::portfolio::{Egress, GenerativeModel};

/// What is sent in the place of a request.
#[derive(Debug)]
pub(crate) struct Sendable<T> {
    pub(crate) request: Classified<T>,
    /// How many of each kind were replaced.
    pub(crate) replaced: BTreeMap<Word, u64>,
    /// Puts them back; none where nothing was replaced.
    pub(crate) restoring: Option<Restoring>,
}

/// The request as this model may see it.
///
/// # Errors
/// When its texts cannot be searched to the end.
pub(crate) async fn sendable<T>(
    egress: &Egress,
    model: &GenerativeModel,
    request: &Classified<T>,
) -> Result<Sendable<T>, ApiError>
where
    T: Leaves + Clone + Send + Sync + 'static,
{
    let (Some(rule), Some(identifiers)) = (&model.redaction, &egress.identifiers) else {
        let request = request.clone();
        return Ok(Sendable { request, replaced: BTreeMap::new(), restoring: None });
    };
    let mut changed = request.request().clone();
    let mut redaction = identifiers.redaction();
    let work = move || {
        let done = redaction.redact(&mut changed.leaves());
        done.map(|()| (changed, redaction))
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|cause| ApiError::Panicked(cause.to_string()))?;
    let (changed, redaction) = done.map_err(|cause| ApiError::invalid(cause.to_string()))?;
    let (changed, left) = searched(identifiers, changed).await?;
    let redacted = joined(request.redacted(changed, rule.class), &left);
    let replaced = redaction.replaced();
    let restoring = (!replaced.is_empty()).then(|| Restoring::new(redaction));
    Ok(Sendable { request: redacted, replaced, restoring })
}

/// Puts originals back into the events of one answer.
#[derive(Debug)]
pub(crate) struct Restoring {
    redaction: Box<dyn Redaction>,
    open: HashMap<Place, Box<dyn Restore>>,
}

/// One text of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Text(u32),
    Refusal(u32),
    Thinking(u32),
    Arguments(u32, u32),
}

impl Place {
    fn choice(self) -> u32 {
        match self {
            Self::Text(it) | Self::Refusal(it) | Self::Thinking(it) | Self::Arguments(it, _) => it,
        }
    }

    /// A piece of the text that stands here.
    fn event(self, text: String) -> ChatEvent {
        match self {
            Self::Text(choice) => ChatEvent::TextDelta { choice, text },
            Self::Refusal(choice) => ChatEvent::RefusalDelta { choice, text },
            Self::Thinking(choice) => ChatEvent::ThinkingDelta { choice, text },
            Self::Arguments(choice, call) => {
                ChatEvent::ToolCallArguments { choice, call, fragment: text }
            }
        }
    }
}

impl Restoring {
    fn new(redaction: Box<dyn Redaction>) -> Self {
        Self { redaction, open: HashMap::new() }
    }

    /// The events that the caller sees instead of this one: none while a placeholder may go on,
    /// more when something that was held back comes first.
    pub(crate) fn event(&mut self, event: ChatEvent) -> Vec<ChatEvent> {
        let mut events = Vec::with_capacity(1);
        match event {
            ChatEvent::TextDelta { choice, text } => {
                self.piece(Place::Text(choice), &text, &mut events);
            }
            ChatEvent::RefusalDelta { choice, text } => {
                self.piece(Place::Refusal(choice), &text, &mut events);
            }
            ChatEvent::ThinkingDelta { choice, text } => {
                self.piece(Place::Thinking(choice), &text, &mut events);
            }
            ChatEvent::ToolCallArguments { choice, call, fragment } => {
                self.piece(Place::Arguments(choice, call), &fragment, &mut events);
            }
            ChatEvent::ToolCallStarted { choice, call, id, name, signature } => {
                self.close(|it| it.choice() == choice && !arguments(it), &mut events);
                let name = self.whole(&name);
                events.push(ChatEvent::ToolCallStarted { choice, call, id, name, signature });
            }
            ChatEvent::ToolCallEnded { choice, call } => {
                self.close(|it| it == Place::Arguments(choice, call), &mut events);
                events.push(ChatEvent::ToolCallEnded { choice, call });
            }
            ChatEvent::Finished { choice, reason } => {
                self.close(|it| it.choice() == choice, &mut events);
                let reason = match reason {
                    StopReason::StopSequence { sequence } => {
                        StopReason::StopSequence { sequence: sequence.map(|it| self.whole(&it)) }
                    }
                    other => other,
                };
                events.push(ChatEvent::Finished { choice, reason });
            }
            ChatEvent::Extra { protocol, name, mut value } => {
                self.redaction.restore_json(&mut value);
                events.push(ChatEvent::Extra { protocol, name, value });
            }
            ChatEvent::ThinkingSigned { choice, .. }
            | ChatEvent::ThinkingRedacted { choice, .. } => {
                self.close(|it| it == Place::Thinking(choice), &mut events);
                events.push(event);
            }
            // Tokens are pieces of placeholders; they say nothing of what was taken out.
            ChatEvent::Started { .. } | ChatEvent::LogProbs { .. } | ChatEvent::Usage(_) => {
                events.push(event);
            }
        }
        events
    }

    fn piece(&mut self, place: Place, text: &str, events: &mut Vec<ChatEvent>) {
        // A text ends where another of the same choice begins; calls may alternate.
        let ends = |it: Place| {
            it.choice() == place.choice() && it != place && !(arguments(it) && arguments(place))
        };
        self.close(ends, events);
        let within = if arguments(place) { Within::Json } else { Within::Text };
        let open = self.open.entry(place).or_insert_with(|| self.redaction.restoring(within));
        let text = open.push(text);
        if !text.is_empty() {
            events.push(place.event(text));
        }
    }

    fn close(&mut self, ends: impl Fn(Place) -> bool, events: &mut Vec<ChatEvent>) {
        let ended: Vec<Place> = self.open.keys().copied().filter(|it| ends(*it)).collect();
        for place in ended {
            let held = self.open.remove(&place).map(|mut it| it.finish()).unwrap_or_default();
            if !held.is_empty() {
                events.push(place.event(held));
            }
        }
    }

    fn whole(&self, text: &str) -> String {
        let mut restoring = self.redaction.restoring(Within::Text);
        let restored = restoring.push(text);
        restored + &restoring.finish()
    }
}

fn arguments(place: Place) -> bool {
    matches!(place, Place::Arguments(..))
}
