//! A request that may go to one engine, and the record of that decision.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::{ClassFound, Classified, EngineClearance};
use crate::{DataClass, EngineName};

/// A request that the policy cleared for one engine. Only [`super::EgressPolicy::clear`] makes
/// one. Its text is not in its `Debug` form.
pub struct Cleared<T> {
    request: Arc<T>,
    record: Arc<EgressRecord>,
}

/// Why a request may leave: all that an audit record needs but the time and the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EgressRecord {
    /// The engine as the policy saw it.
    pub engine: EngineClearance,
    pub class: DataClass,
    pub found: Vec<ClassFound>,
    /// The rule that allowed it.
    pub rule: String,
}

/// A request was given to an engine for which it was not cleared: a mistake in the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request that was cleared for engine `{cleared_for}` was given to engine `{engine}`, or its clearance changed meanwhile"
)]
pub struct NotCleared {
    pub engine: EngineName,
    pub cleared_for: EngineName,
}

impl<T> Cleared<T> {
    pub(super) fn new(request: &Classified<T>, engine: &EngineClearance, rule: String) -> Self {
        let record = EgressRecord {
            engine: engine.clone(),
            class: request.class(),
            found: request.found().to_vec(),
            rule,
        };
        Self { request: request.shared(), record: Arc::new(record) }
    }

    /// The request, for the engine that has exactly the clearance which the policy saw.
    ///
    /// # Errors
    /// When the engine is another, or its clearance, region or owner is not what it was.
    pub fn open(&self, engine: &EngineClearance) -> Result<&T, NotCleared> {
        if self.record.engine == *engine {
            return Ok(&self.request);
        }
        let cleared_for = self.record.engine.engine.clone();
        Err(NotCleared { engine: engine.engine.clone(), cleared_for })
    }

    /// Why it may leave.
    #[must_use]
    pub fn record(&self) -> &EgressRecord {
        &self.record
    }
}

// A copy, for a second try, is bound to the same engine.
impl<T> Clone for Cleared<T> {
    fn clone(&self) -> Self {
        Self { request: Arc::clone(&self.request), record: Arc::clone(&self.record) }
    }
}

impl<T> fmt::Debug for Cleared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleared").field("record", &self.record).finish_non_exhaustive()
    }
}
