//! `[traces]`: when the record of answers becomes visible to other tools.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracesConfig {
    /// How long a trace may stay in the log before the server compacts it to Parquet, where DuckDB,
    /// Polars and Spark see it. It is durable either way, and `freehold traces` sees it at once.
    pub compact_after_s: NonZeroU32,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self { compact_after_s: NonZeroU32::new(60).expect("the constant is not zero") }
    }
}
