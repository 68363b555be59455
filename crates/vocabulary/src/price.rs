//! List prices of APIs, for comparison; prices are data with a date, never code.

use serde::{Deserialize, Serialize};

/// What a provider asks for a model, in currency units per million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPrice {
    pub model: String,
    pub provider: String,
    pub currency: String,
    pub input_per_million: f64,
    pub output_per_million: f64,
    /// The day on which the price was read, `YYYY-MM-DD`.
    pub as_of: String,
    pub source: String,
}

impl ListPrice {
    /// Cost of one million requests with that many tokens each.
    #[must_use]
    pub fn per_million_requests(&self, input_tokens: f64, output_tokens: f64) -> f64 {
        input_tokens * self.input_per_million + output_tokens * self.output_per_million
    }
}
