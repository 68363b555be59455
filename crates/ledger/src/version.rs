//! An index over the model versions of the registry: fast to list, always rebuildable from it.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::{Digest, ModelFamily, TaskName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{LedgerError, Written};

/// One model version of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRow {
    pub digest: Digest,
    pub task: TaskName,
    pub family: ModelFamily,
    pub created_at: Timestamp,
}

/// Which model versions there are. The registry is the truth; this is its index.
#[async_trait]
pub trait VersionRepository: Send + Sync + fmt::Debug {
    /// Adds a version; adding it again changes nothing.
    async fn add_version(&self, row: &VersionRow) -> Result<Written, LedgerError>;

    /// The version of that digest.
    async fn find_version(&self, digest: &Digest) -> Result<Option<VersionRow>, LedgerError>;

    /// The versions of a task, or of all tasks, newest first.
    async fn versions(&self, task: Option<&TaskName>) -> Result<Vec<VersionRow>, LedgerError>;

    /// Replaces the whole index by what was found in the registry.
    async fn rebuild_versions(&self, rows: &[VersionRow]) -> Result<(), LedgerError>;
}
