//! An answer as a cache keeps it.

use freehold_vocabulary::chat::{Accumulator, ChatEvent, StopReason, Usage, UsageBasis};
use freehold_vocabulary::price::Cost;
use freehold_vocabulary::{Timestamp, TraceId};
use serde::{Deserialize, Serialize};

/// A whole answer: what the caller saw, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    pub events: Vec<ChatEvent>,
    pub at: Timestamp,
    /// The trace of the request that was asked.
    pub trace: TraceId,
    pub usage: Usage,
    pub basis: UsageBasis,
    /// What it cost, which is what it saves from now on.
    pub cost: Option<Cost>,
}

impl Stored {
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an answer has string keys")
    }

    /// None for what this program did not write, or what is no whole answer.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: Self = serde_json::from_slice(bytes).ok()?;
        let mut answer = Accumulator::new();
        stored.events.iter().try_for_each(|event| answer.push(event.clone())).ok()?;
        answer.is_finished().then_some(stored)
    }
}

/// Keeps what passes by, until it is too much.
#[derive(Debug)]
pub struct Recorder {
    events: Vec<ChatEvent>,
    bytes: usize,
    bytes_max: usize,
}

impl Recorder {
    pub const fn new(bytes_max: usize) -> Self {
        Self { events: Vec::new(), bytes: 0, bytes_max }
    }

    pub fn see(&mut self, event: &ChatEvent) {
        if self.bytes > self.bytes_max {
            return;
        }
        // How a text was cut into pieces is no part of the answer.
        let piece = match (self.events.last_mut(), event) {
            (
                Some(ChatEvent::TextDelta { choice: last, text }),
                ChatEvent::TextDelta { choice, text: more },
            ) if last == choice => {
                text.push_str(more);
                self.bytes += more.len();
                return;
            }
            (_, event) => event.clone(),
        };
        self.bytes += serde_json::to_vec(&piece).map_or(self.bytes_max, |it| it.len());
        if self.bytes > self.bytes_max {
            self.events = Vec::new();
            return;
        }
        self.events.push(piece);
    }

    /// The events of a whole answer that ended as answers do. A filter, a refusal or a reason
    /// that has no name may be gone the next time.
    pub fn whole(self) -> Option<Vec<ChatEvent>> {
        let lasting = |event: &ChatEvent| match event {
            ChatEvent::Finished { reason, .. } => matches!(
                reason,
                StopReason::EndTurn | StopReason::StopSequence { .. } | StopReason::MaxTokens
            ),
            ChatEvent::RefusalDelta { .. } | ChatEvent::ToolCallStarted { .. } => false,
            _ => true,
        };
        let fits = self.bytes <= self.bytes_max && !self.events.is_empty();
        (fits && self.events.iter().all(lasting)).then_some(self.events)
    }
}
