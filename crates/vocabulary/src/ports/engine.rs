//! Something that answers requests, here or elsewhere.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::Scored;
use crate::{Digest, LabelSet, Tier};

/// What an engine is, for routing, traces and people.
#[derive(Debug, Clone)]
pub struct EngineCard {
    pub name: String,
    pub tier: Tier,
    /// The model version that answers.
    pub version: Digest,
    pub labels: LabelSet,
}

/// Something that answers requests. Dropping the future must stop the work.
#[async_trait]
pub trait Engine: Send + Sync + fmt::Debug {
    fn card(&self) -> &EngineCard;
    /// One answer per text, in order.
    async fn answer(&self, texts: Vec<String>) -> Result<Vec<Scored>, EngineError>;
}

/// Why an engine gave no answer, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Try again later.
    #[error("engine `{engine}` is at capacity; retry after {retry_after:?}")]
    Busy { engine: String, retry_after: Duration },
    /// Mend the request.
    #[error("engine `{engine}` refused text {position}: {reason}")]
    Refused { engine: String, position: usize, reason: String },
    /// Nothing the caller can do.
    #[error("engine `{engine}` failed: {reason}")]
    Broken { engine: String, reason: String },
}
