//! What is to be said beside the sums.

use std::collections::BTreeMap;

use freehold_economics::metering::{Line, Machine};
use freehold_economics::{Day, Frontier, Metered, Rates};
use freehold_vocabulary::chat::Usage;

use crate::wiring::Session;

/// Sentences, the most important first.
pub fn of(session: &Session, rows: &[Metered], total: &Line, frontier: &[Frontier]) -> Vec<String> {
    let mut notes = Vec::new();
    if total.unpriced > 0 {
        let mut models: Vec<&str> =
            rows.iter().filter(|it| it.unpriced > 0).map(|it| it.model.as_str()).collect();
        models.sort_unstable();
        models.dedup();
        notes.push(format!(
            "{} of {} requests have no price and are in no sum: {}. Add a [[price]] of that name to the price list.",
            total.unpriced, total.requests, models.join(", ")
        ));
    }
    if total.estimated > 0 {
        notes.push(format!(
            "{} of {} requests are estimates: their engine reported no tokens, so a token stands for four bytes.",
            total.estimated, total.requests
        ));
    }
    for it in frontier.iter().filter(|_| total.own_requests > 0) {
        let price = it.tariff.prices().last();
        let Some(price) = price else { continue };
        notes.push(format!(
            "`at {}`: what it would have asked for the {} requests of your own machines, for the tokens that your model counted, at the list price of the day (newest: {}, read on {}; {}).",
            it.model, total.own_requests, price.valid_from, price.as_of, price.source
        ));
    }
    notes.extend(utilisation(session, rows));
    let today = Day::of(session.now());
    let days = session.config.economics.price_stale_after_days;
    notes.extend(session.config.prices.stale(today, days).iter().map(ToString::to_string));
    notes
}

/// The stated utilisation beside the one that the requests of these days amount to.
fn utilisation(session: &Session, rows: &[Metered]) -> Vec<String> {
    let mut used: BTreeMap<&str, (Usage, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|it| it.machine == Machine::Own) {
        let (usage, n) = used.entry(&row.model).or_default();
        *usage += row.usage;
        *n += row.requests;
    }
    let first = rows.iter().map(|it| it.day).min();
    let last = rows.iter().map(|it| it.day).max();
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let days = last.since(first) + 1;
    let said = used.iter().filter_map(|(model, (usage, n))| {
        let price = session.config.prices.tariff(model)?.on(last);
        let Rates::Time(rates) = &price.rates else { return None };
        let share = rates.busy_nanos(usage) as f64 / 1e9 / (f64::from(days) * 86_400.0);
        Some(format!(
            "`{model}`: {n} requests filled {:.4} % of {days} day(s); the price counts on {:.2} % (utilisation).",
            100.0 * share,
            100.0 * rates.utilisation.to_f64()
        ))
    });
    said.collect()
}
