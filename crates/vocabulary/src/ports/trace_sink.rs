//! Where the record of every answer goes.

use std::fmt;

use async_trait::async_trait;

use crate::Trace;

/// Keeps traces. When `append` returns `Ok`, the trace survives a crash of the process and of
/// the machine.
#[async_trait]
pub trait TraceSink: Send + Sync + fmt::Debug {
    async fn append(&self, traces: Vec<Trace>) -> Result<(), TraceSinkError>;
}

/// Why a trace was not kept.
#[derive(Debug, thiserror::Error)]
pub enum TraceSinkError {
    /// The log is behind; the caller must refuse work rather than lose records.
    #[error("the trace log is full; retry shortly")]
    Full,
    /// The disk failed or is full.
    #[error("the trace log cannot be written: {0}")]
    Broken(String),
}
