//! The record of one request.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Label, TaskName, Tier, Timestamp};

mod generation;
mod route;

pub use generation::{CacheKind, Ending, Generation, Spent, Try};
pub use route::{AskedModel, GainChoice, RouteRecord, Trust, summed};

/// The name of a trace: 26 characters, sortable by time.
///
/// Invariant: 26 characters of Crockford's base 32, also when it was read from JSON, so that it is
/// safe in a path, a log line or a query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TraceId(String);

/// A text is not a trace id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a trace id: expected 26 characters of Crockford's base 32")]
pub struct InvalidTraceId(String);

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl TraceId {
    /// A ULID (github.com/ulid/spec): 48 bits of milliseconds, then 80 bits of `entropy`.
    #[must_use]
    pub fn new(at: Timestamp, entropy: u128) -> Self {
        let millis = (at.as_micros() / 1000).max(0) as u128;
        let value = ((millis & ((1 << 48) - 1)) << 80) | (entropy & ((1 << 80) - 1));
        let digit = |place: u32| char::from(CROCKFORD[(value >> (5 * place)) as usize & 31]);
        Self((0..26).rev().map(digit).collect())
    }

    /// Checks the form.
    ///
    /// # Errors
    /// When the text is not 26 characters of the alphabet.
    pub fn parse(text: &str) -> Result<Self, InvalidTraceId> {
        let valid = text.len() == 26 && text.bytes().all(|b| CROCKFORD.contains(&b));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTraceId(text.chars().take(40).collect()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TraceId {
    type Error = InvalidTraceId;
    fn try_from(text: String) -> Result<Self, InvalidTraceId> {
        Self::parse(&text)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A tier answered and kept its answer.
    Answered,
    /// Every tier passed; the item waits in the review queue.
    Abstained,
    /// A generation that brought no whole answer.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Answered, Self::Abstained, Self::Failed];

    /// The word used in records and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Abstained => "abstained",
            Self::Failed => "failed",
        }
    }
}

/// What one tier said on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierAnswer {
    pub tier: Tier,
    pub version: Digest,
    pub labels: Vec<Label>,
    /// Calibrated probability of the answer.
    pub confidence: f64,
    /// Out-of-distribution score; larger is stranger. None without a detector.
    pub ood_score: Option<f64>,
    pub kept: bool,
    /// Why it was not kept, in a few words.
    pub reason: Option<String>,
    pub latency_us: u64,
    pub tokens: u32,
}

/// The record of one request: what came in, which way it took, what went out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    pub id: TraceId,
    pub at: Timestamp,
    /// The task; [`Trace::GENERATION`] for a generation that names none.
    pub task: TaskName,
    /// Who asked: the name of the key, or `local`.
    pub caller: String,
    /// The protocol and endpoint, such as `tasks.predict`.
    pub endpoint: String,
    /// The text, or the last text of a conversation; empty where content is not kept.
    pub input: String,
    pub outcome: Outcome,
    pub labels: Vec<Label>,
    /// 0 for a generation, of which nobody measures it.
    pub confidence: f64,
    /// The tier whose answer went out, `human` for an abstention.
    pub tier: Tier,
    /// The certificate that backed the answer.
    pub certificate: Option<String>,
    pub tiers: Vec<TierAnswer>,
    pub latency_us: u64,
    /// What a generating model did; none for a task's own models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Box<Generation>>,
    /// How it was decided who answers, beyond the task's own tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Box<RouteRecord>>,
}

impl Trace {
    /// The name under which generations without a task are kept; no task may have it.
    pub const GENERATION: &'static str = "generation";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(TraceId::parse(text).is_ok(), valid, "{text:?}");
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(serde_json::from_str::<TraceId>(&json).is_ok(), valid, "{json}");
    }

    #[test]
    fn an_id_is_checked_wherever_it_comes_from() {
        let id = TraceId::new(Timestamp::from_micros(1_700_000_000_000_000), 7);
        check(id.as_str(), true);
        for bad in ["", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01arz3ndektsv4rrffq69g5fav"] {
            check(bad, false);
        }
        // The length is right, and the content would leave a path or a quoted text.
        check("../../../../../etc/passwd!", false);
        check("01ARZ3NDEKTSV4RRFFQ69G5F' ", false);
    }
}
