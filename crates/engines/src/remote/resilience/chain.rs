//! Several engines in the order in which they are asked. Each is asked only with what the egress
//! policy clears for it: a fallback is no way around a rule.

use std::fmt;
use std::sync::Arc;

use freehold_vocabulary::chat::{ChatError, ChatRequest, Remedy};
use freehold_vocabulary::egress::{Classified, Denied, EgressPolicy, EgressRecord};
use freehold_vocabulary::ports::{ChatEngine, ChatStream};

/// An engine, and the model to ask there.
#[derive(Debug, Clone)]
pub struct Link {
    pub engine: Arc<dyn ChatEngine>,
    /// `None`: the model of the request.
    pub model: Option<String>,
}

/// The order.
#[derive(Debug, Clone)]
pub struct Chain {
    links: Vec<Link>,
}

/// An answer that has begun, and how it came about.
pub struct ChainOutcome {
    pub stream: ChatStream,
    /// The place in the chain.
    pub link: usize,
    pub passed: Passed,
}

impl fmt::Debug for ChainOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ChainOutcome");
        out.field("link", &self.link).field("passed", &self.passed).finish_non_exhaustive()
    }
}

/// What happened on the way. Every decision about egress is here, for the audit log.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    /// What left, in order; the last may be the one that answers.
    pub left: Vec<EgressRecord>,
    pub denied: Vec<Denied>,
    pub failed: Vec<ChatError>,
}

/// No engine answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The policy let none be asked.
    #[error("no engine may be asked: {}", .0.denied.first().map_or("there is none".to_owned(), ToString::to_string))]
    Denied(Passed),
    /// The last failure; the others are in what passed.
    #[error("{error}")]
    Failed { error: ChatError, passed: Passed },
}

impl Chain {
    /// Engines in order.
    #[must_use]
    pub const fn new(links: Vec<Link>) -> Self {
        Self { links }
    }

    /// Asks one after the other until an answer begins.
    ///
    /// # Errors
    /// When none may be asked, none can answer, or one says that the request itself is wrong.
    pub async fn answer(
        &self,
        request: &Classified<ChatRequest>,
        policy: &EgressPolicy,
    ) -> Result<ChainOutcome, ChainError> {
        let mut passed = Passed::default();
        for (place, link) in self.links.iter().enumerate() {
            let asked = match &link.model {
                Some(model) => request.with(|it| it.model.clone_from(model)),
                None => request.clone(),
            };
            let cleared = match policy.clear(&asked, &link.engine.card().clearance) {
                Ok(cleared) => cleared,
                Err(denied) => {
                    passed.denied.push(denied);
                    continue;
                }
            };
            passed.left.push(cleared.record().clone());
            match link.engine.chat(cleared).await {
                Ok(stream) => return Ok(ChainOutcome { stream, link: place, passed }),
                Err(error) => {
                    let is_hopeless = error.remedy() == Remedy::Never;
                    passed.failed.push(error);
                    if is_hopeless {
                        break;
                    }
                }
            }
        }
        match passed.failed.last().cloned() {
            Some(error) => Err(ChainError::Failed { error, passed }),
            None => Err(ChainError::Denied(passed)),
        }
    }
}
