//! What can be wrong with prices.

use crate::Day;

/// A price list, a price or a day is not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum EconomicsError {
    #[error("`{0}` is not a day such as `2026-11-01`")]
    NoDay(String),
    #[error(
        "`{0}` is not an amount: expected a plain decimal number from 0 to 1000000000 with at most twelve decimal places"
    )]
    NoAmount(String),
    #[error("the price list is not valid TOML: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("the price list has {count} {unit}; at most {limit} are read")]
    TooLarge { count: usize, unit: &'static str, limit: usize },
    #[error("the price of `{model}` from {valid_from}: {reason}")]
    Price { model: String, valid_from: Day, reason: String },
    #[error("`{model}` has two prices from {valid_from}; remove one")]
    Twice { model: String, valid_from: Day },
    #[error("`{0}` has no price; add one, or write `price = \"unknown\"`")]
    None(String),
    #[error(
        "a number of tokens per million has a price finer than 10⁻¹² for one token; use at most six decimal places"
    )]
    TooFine,
}
