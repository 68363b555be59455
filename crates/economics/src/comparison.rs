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
    let price = frontier.tariff.on(row.day);
    let once = u128::from(price.cost(&row.usage).picos);
    // The price of a request is in `once` already, one time.
    let others = u128::from(row.requests).saturating_sub(1) * price.per_request.picos();
    sums.add(&price.currency, once.saturating_add(others));
}
