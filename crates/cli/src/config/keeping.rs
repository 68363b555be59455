//! `[keeping]`: what callers leave on the server and fetch again: files, batches, responses.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

use freehold_gateway::Keeping;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepingConfig {
    /// Largest file.
    pub file_bytes_max: NonZeroU64,
    /// All files of one key together.
    pub key_bytes_max: NonZeroU64,
    /// Files, batches and responses of one key, each.
    pub key_objects_max: NonZeroUsize,
    /// How long files and ended batches are kept.
    pub file_days: NonZeroU32,
    /// How long responses can be retrieved and continued.
    pub response_days: NonZeroU32,
    /// Requests of one batch.
    pub batch_requests_max: NonZeroUsize,
    /// Requests of batches under way at once, over all batches.
    pub batch_parallel_max: NonZeroUsize,
}

impl Default for KeepingConfig {
    fn default() -> Self {
        let it = Keeping::default();
        Self {
            file_bytes_max: it.file_bytes_max,
            key_bytes_max: it.key_bytes_max,
            key_objects_max: it.key_objects_max,
            file_days: it.file_days,
            response_days: it.response_days,
            batch_requests_max: it.batch_requests_max,
            batch_parallel_max: it.batch_parallel_max,
        }
    }
}

impl KeepingConfig {
    /// As the server takes it.
    pub fn limits(&self) -> Keeping {
        Keeping {
            file_bytes_max: self.file_bytes_max,
            key_bytes_max: self.key_bytes_max,
            key_objects_max: self.key_objects_max,
            file_days: self.file_days,
            response_days: self.response_days,
            batch_requests_max: self.batch_requests_max,
            batch_parallel_max: self.batch_parallel_max,
        }
    }
}
