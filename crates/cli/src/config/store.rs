//! `[store]`: where facts, artifacts and traces live. The defaults need no server.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite:PATH`.
    pub ledger: String,
    /// `file:FOLDER`.
    pub artifacts: String,
    /// `file:FOLDER`.
    pub traces: String,
    /// `file:FOLDER` for what callers leave and fetch again, within `[keeping]`.
    pub depot: String,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            ledger: "sqlite:.freehold/ledger.db".to_owned(),
            artifacts: "file:.freehold/artifacts".to_owned(),
            traces: "file:.freehold/traces".to_owned(),
            depot: "file:.freehold/depot".to_owned(),
        }
    }
}
