//! `freehold cost prices`: what is charged for what, since when, and who says so.

use anyhow::Result;
use freehold_economics::tariff::{Meter, Price};
use freehold_economics::{Day, Rates, Stale};
use serde::Serialize;

use crate::output;
use crate::wiring::Session;

#[derive(Debug, Serialize)]
struct Shown {
    model: String,
    valid_from: Day,
    currency: String,
    price: String,
    as_of: Day,
    source: String,
    /// In force today.
    current: bool,
    stale: bool,
}

pub fn run(session: &Session) -> Result<()> {
    let today = Day::of(session.now());
    let days = session.config.economics.price_stale_after_days;
    let mut all = Vec::new();
    for (model, tariff) in session.config.prices.known() {
        let stale = Stale::find(model, tariff, today, days).is_some();
        for price in tariff.prices() {
            let current = price == tariff.on(today);
            all.push(Shown {
                model: model.to_owned(),
                valid_from: price.valid_from,
                currency: price.currency.clone(),
                price: words(price),
                as_of: price.as_of,
                source: price.source.clone(),
                current,
                stale: stale && current,
            });
        }
    }
    output::print(session.form, &all, |all| {
        let rows: Vec<Vec<String>> = all
            .iter()
            .map(|it| {
                let state = match (it.current, it.stale) {
                    (true, true) => "stale",
                    (true, false) => "current",
                    (false, _) if it.valid_from > today => "later",
                    (false, _) => "earlier",
                };
                vec![
                    it.model.clone(),
                    state.to_owned(),
                    it.valid_from.to_string(),
                    format!("{} {}", it.price, it.currency),
                    it.as_of.to_string(),
                    it.source.clone(),
                ]
            })
            .collect();
        output::table(&["model", "state", "from", "price", "read on", "source"], &rows)
    })?;
    output::next(session.form, "freehold cost --by model,day");
    Ok(())
}

fn words(price: &Price) -> String {
    let rates = match &price.rates {
        Rates::Tokens(rates) => format!(
            "{} in, {} cached, {} out per million",
            rates.per_million(Meter::Input),
            rates.per_million(Meter::CachedInput),
            rates.per_million(Meter::Output)
        ),
        Rates::Time(rates) => format!(
            "{} an hour at {} tokens/s in{}, {} used",
            rates.per_hour,
            rates.input_tokens_per_second,
            rates.output_tokens_per_second.map(|it| format!(", {it} out")).unwrap_or_default(),
            rates.utilisation
        ),
    };
    if price.per_request.picos() == 0 {
        return rates;
    }
    format!("{rates}, {} a request", price.per_request)
}
