//! Where the record of every answer goes, and where feedback finds it again.

use std::fmt;

use async_trait::async_trait;

use crate::{Trace, TraceId};

/// Keeps traces. When `append` returns `Ok`, the traces survive a crash of the process and of
/// the machine.
#[async_trait]
pub trait TraceLog: Send + Sync + fmt::Debug {
    async fn append(&self, traces: Vec<Trace>) -> Result<(), TraceLogError>;
    /// The trace of that name, if it was ever acknowledged.
    async fn find(&self, id: &TraceId) -> Result<Option<Trace>, TraceLogError>;
}

/// Why a trace was not kept or not found.
#[derive(Debug, thiserror::Error)]
pub enum TraceLogError {
    /// The log is behind; the caller must refuse work rather than lose records.
    #[error("the trace log is full; retry shortly")]
    Full,
    /// The disk failed or is full.
    #[error("the trace log failed: {0}")]
    Broken(String),
}
