//! What somebody else would have asked for the same tokens, at the list price of the day.

use crate::{Metered, Sums, Tariff};

/// A model to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    pub model: String,
    pub tariff: Tariff,
}

/// Adds what `frontier` would have asked for these requests.
///
/// Tokens are those that the answering model counted: another model's tokenizer counts a little
/// differently, so this is an estimate however exact the sum.
pub(crate) fn add(sums: &mut Sums, frontier: &Frontier, row: &Metered) {
    // What a cache answered had no tokens, and would not have been asked of anybody else either.
    let asked = row.requests.saturating_sub(row.cached);
    if asked == 0 {
        return;
    }
    let price = frontier.tariff.on(row.day);
    let once = u128::from(price.cost(&row.usage).picos);
    // The price of a request is in `once` already, one time.
    let others = u128::from(asked - 1) * price.per_request.picos();
    sums.add(&price.currency, once.saturating_add(others));
}
