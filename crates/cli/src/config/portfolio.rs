//! `[portfolio]`: whose models these are.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PortfolioConfig {
    /// The organisation's name, as reports show it.
    pub name: String,
}
