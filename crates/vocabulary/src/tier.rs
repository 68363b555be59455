//! What an answer costs and where it is computed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// From cheapest to dearest; a route goes upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Micro,
    Small,
    Mid,
    Frontier,
    Human,
}

impl Tier {
    /// The word used in configuration, API and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::Small => "small",
            Self::Mid => "mid",
            Self::Frontier => "frontier",
            Self::Human => "human",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
