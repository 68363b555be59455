//! Names of dataset versions: `tickets` points at digests, the newest first.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::{DatasetName, Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{LedgerError, Written};

/// One naming: from `at` on, `name` meant `digest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedDataset {
    pub name: DatasetName,
    pub digest: Digest,
    pub at: Timestamp,
}

/// Which dataset versions have a name.
#[async_trait]
pub trait DatasetRepository: Send + Sync + fmt::Debug {
    /// Makes `naming.digest` the newest version of the name. If it is the newest already, nothing
    /// changes, so importing the same file twice leaves one entry.
    async fn name_dataset(&self, naming: &NamedDataset) -> Result<Written, LedgerError>;

    /// What the name means now.
    async fn newest_dataset(&self, name: &DatasetName)
    -> Result<Option<NamedDataset>, LedgerError>;

    /// Everything the name has ever meant, newest first.
    async fn dataset_history(&self, name: &DatasetName) -> Result<Vec<NamedDataset>, LedgerError>;

    /// The newest version of every name, in the order of the names.
    async fn datasets(&self) -> Result<Vec<NamedDataset>, LedgerError>;
}
