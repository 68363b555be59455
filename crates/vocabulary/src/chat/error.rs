//! Why there is no answer, by what the caller can do.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::EngineName;
use crate::egress::NotCleared;

/// Why an engine gave no answer. Messages of providers are kept as they are, without keys.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChatError {
    /// Mend the request: the engine read it and said no.
    #[error("engine `{engine}` refused the request ({status}): {message}")]
    Refused {
        engine: EngineName,
        status: u16,
        /// The provider's code, such as `context_length_exceeded`.
        code: Option<String>,
        message: String,
    },
    /// Choose another engine: this one cannot do what is asked.
    #[error("engine `{engine}` does not support {what}")]
    Unsupported { engine: EngineName, what: String },
    /// Choose another model: the engine has none of that name.
    #[error("engine `{engine}` has no model `{model}`: {message}")]
    UnknownModel { engine: EngineName, model: String, message: String },
    /// The operator must mend the key or its rights.
    #[error("engine `{engine}` does not accept its key ({status}): {message}")]
    Unauthorised { engine: EngineName, status: u16, message: String },
    /// Wait: too many requests or tokens.
    #[error("engine `{engine}` limits the rate: {message}")]
    RateLimited { engine: EngineName, retry_after: Option<Duration>, message: String },
    /// The engine failed or is overloaded.
    #[error("engine `{engine}` failed ({status}): {message}")]
    Unavailable { engine: EngineName, status: u16, retry_after: Option<Duration>, message: String },
    /// The engine is set aside for now, or as much as it may have is under way.
    #[error("engine `{engine}` is not asked now: {reason}")]
    NotAsked { engine: EngineName, reason: String, retry_after: Option<Duration> },
    /// Nothing came in time.
    #[error("engine `{engine}` timed out in the phase `{phase}` after {} ms", .after.as_millis())]
    Timeout { engine: EngineName, phase: Phase, after: Duration },
    /// No connection, or a broken one before the answer began.
    #[error("engine `{engine}` cannot be reached: {reason}")]
    Connection { engine: EngineName, reason: String },
    /// The answer stopped before its end.
    #[error("engine `{engine}` cut its answer off: {reason}")]
    Truncated { engine: EngineName, reason: String },
    /// The answer is not what the protocol says.
    #[error("engine `{engine}` gave an answer that cannot be read: {reason}")]
    Malformed { engine: EngineName, reason: String },
    /// The answer is beyond a limit.
    #[error("engine `{engine}` sent {what} of more than {limit} bytes")]
    TooLarge { engine: EngineName, what: &'static str, limit: usize },
    /// The request was not cleared for this engine.
    #[error(transparent)]
    NotCleared(#[from] NotCleared),
}

/// How far a call had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Connect,
    FirstToken,
    BetweenTokens,
    Total,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::FirstToken => "first token",
            Self::BetweenTokens => "between tokens",
            Self::Total => "total",
        })
    }
}

/// What may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Another try at the same engine, not before so long.
    Again { not_before: Option<Duration> },
    /// Another engine only.
    Elsewhere,
    /// Another request only.
    Never,
}

impl ChatError {
    /// The engine that failed.
    #[must_use]
    pub const fn engine(&self) -> &EngineName {
        match self {
            Self::Refused { engine, .. }
            | Self::Unsupported { engine, .. }
            | Self::UnknownModel { engine, .. }
            | Self::Unauthorised { engine, .. }
            | Self::RateLimited { engine, .. }
            | Self::Unavailable { engine, .. }
            | Self::NotAsked { engine, .. }
            | Self::Timeout { engine, .. }
            | Self::Connection { engine, .. }
            | Self::Truncated { engine, .. }
            | Self::Malformed { engine, .. }
            | Self::TooLarge { engine, .. } => engine,
            Self::NotCleared(refused) => &refused.engine,
        }
    }

    /// What may help. A call that timed out as a whole has no time left for another.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::RateLimited { retry_after, .. }
            | Self::Unavailable { retry_after, .. }
            | Self::NotAsked { retry_after, .. } => Remedy::Again { not_before: *retry_after },
            Self::Timeout { phase: Phase::Total, .. } => Remedy::Elsewhere,
            Self::Timeout { .. }
            | Self::Connection { .. }
            | Self::Truncated { .. }
            | Self::Malformed { .. } => Remedy::Again { not_before: None },
            Self::Unsupported { .. }
            | Self::UnknownModel { .. }
            | Self::Unauthorised { .. }
            | Self::TooLarge { .. }
            | Self::NotCleared(_) => Remedy::Elsewhere,
            Self::Refused { .. } => Remedy::Never,
        }
    }

    /// Whether the engine, not the request, is to blame; such failures count against it.
    #[must_use]
    pub const fn is_fault_of_engine(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::Timeout { .. }
                | Self::Connection { .. }
                | Self::Truncated { .. }
                | Self::Malformed { .. }
                | Self::TooLarge { .. }
        )
    }
}
