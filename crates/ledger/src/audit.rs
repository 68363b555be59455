//! The audit log: appended to, read, never changed.
//!
//! An administrative act that is itself a change of the ledger (a move of an alias, a key, a
//! judgement) is recorded by that change, in the same transaction, so neither exists without the
//! other. All other acts are appended here.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::audit::{ActKind, AuditDraft, AuditRecord, InvalidDraft, StoredRecord};

use crate::{LedgerError, Limit, Sequence};

/// What was decided, by whom, and what left.
#[async_trait]
pub trait AuditRepository: Send + Sync + fmt::Debug {
    /// Appends records, all or none, with consecutive sequences; durable when it returns. Calls
    /// that wait for the disk at the same time share one transaction, so this is cheap under load.
    /// Dropping the future may leave the records out: a caller who must not lose a record that it
    /// no longer waits for spawns the call.
    ///
    /// # Errors
    /// `Invalid` when a draft is beyond a limit.
    async fn append_audit(&self, drafts: &[AuditDraft]) -> Result<Vec<AuditRecord>, LedgerError>;

    /// The bytes as they lie there, in the order of their places behind `after`: what a
    /// verification reads, which trusts nothing.
    async fn stored_audit(
        &self,
        after: Sequence,
        limit: Limit,
    ) -> Result<Vec<StoredRecord>, LedgerError>;

    /// Records of one kind, or of all, behind `after`, oldest first.
    async fn audit_records(
        &self,
        kind: Option<ActKind>,
        after: Sequence,
        limit: Limit,
    ) -> Result<Vec<AuditRecord>, LedgerError>;

    /// The last records of one kind, or of all, oldest first.
    async fn latest_audit(
        &self,
        kind: Option<ActKind>,
        limit: Limit,
    ) -> Result<Vec<AuditRecord>, LedgerError>;

    /// Moves of aliases, keys and judgements that stand in the ledger without their record, or
    /// otherwise than their record says: someone changed the tables behind the ledger's back. Each
    /// is named in a few words. What is older than the log is left out.
    async fn unrecorded_acts(&self, limit: Limit) -> Result<Vec<String>, LedgerError>;
}

impl From<InvalidDraft> for LedgerError {
    fn from(error: InvalidDraft) -> Self {
        Self::Invalid { what: "an audit record", why: error.to_string() }
    }
}
