//! Costs as a FOCUS 1.2 data set: the columns that FinOps tools read from every provider.
//!
//! FinOps Open Cost and Usage Specification, v1.2 (June 2025). One row for each day, key, task,
//! model, engine and kind of token. What was recorded is the truth: where the price list no longer
//! explains a recorded cost, it stands in one row as it was recorded.

mod charge;
mod columns;

pub use charge::{Charge, charges};
pub use columns::COLUMNS;

use crate::Metered;
use crate::Tariff;

/// Requests of a day with what a bill says of them besides.
#[derive(Debug, Clone)]
pub struct Billed<'a> {
    pub metered: &'a Metered,
    /// The prices of the model, if the list still has them.
    pub tariff: Option<&'a Tariff>,
    /// Who sells the answers.
    pub provider: &'a str,
    /// Where the engine stands.
    pub region: Option<&'a str>,
}

/// Why there is no bill.
#[derive(Debug, thiserror::Error)]
#[error(
    "{requests} request(s) to `{model}` on {day} have no price, and FOCUS has no unknown cost; leave them out with `--without-unpriced`"
)]
pub struct Unpriced {
    pub requests: u64,
    pub model: String,
    pub day: crate::Day,
}
