//! The rows of a bill, from what was metered.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::Usage;

use super::{Billed, Unpriced};
use crate::exact::{Exact, decimal};
use crate::tariff::{Meter, Price};
use crate::{Day, Metered, Rates};

/// Decimal places of quantities that were computed from a cost.
const QUANTITY_PLACES: u32 = 18;

/// One row. Costs are those that were recorded; nobody negotiated anything here, so the list
/// cost, the contracted cost and the billed cost are the same.
#[derive(Debug, Clone)]
pub struct Charge {
    pub(super) day: Day,
    pub(super) account: String,
    pub(super) team: String,
    pub(super) key: String,
    pub(super) task: String,
    pub(super) model: String,
    pub(super) engine: String,
    pub(super) provider: String,
    pub(super) region: String,
    pub(super) tags: String,
    pub(super) requests: u64,
    pub(super) estimated: u64,
    pub(super) currency: String,
    pub(super) cost: String,
    pub(super) unit_price: String,
    pub(super) quantity: String,
    pub(super) pricing_unit: &'static str,
    pub(super) consumed: String,
    pub(super) consumed_unit: &'static str,
    pub(super) meter: &'static str,
    pub(super) sku: &'static str,
    pub(super) price_id: String,
    pub(super) description: String,
}

/// What distinguishes the rows of one group.
struct Measure {
    picos: u128,
    unit_price: String,
    quantity: String,
    pricing_unit: &'static str,
    consumed: String,
    consumed_unit: &'static str,
    meter: &'static str,
    sku: &'static str,
    price_id: String,
}

/// The rows of a bill.
///
/// # Errors
/// When a cost is not known.
pub fn charges(account: &str, billed: &[Billed<'_>]) -> Result<Vec<Charge>, Unpriced> {
    let mut rows = Vec::new();
    for it in billed {
        let row = it.metered;
        if row.unpriced > 0 {
            let (requests, model, day) = (row.unpriced, row.model.clone(), row.day);
            return Err(Unpriced { requests, model, day });
        }
        for (currency, picos) in row.cost.iter() {
            // Nothing is charged for what cost nothing.
            if picos == 0 {
                continue;
            }
            let price = it.tariff.map(|it| it.on(row.day)).filter(|it| it.currency == currency);
            let measures = price.and_then(|price| explained(price, row, picos));
            let measures = measures.unwrap_or_else(|| vec![as_recorded(row, picos)]);
            rows.extend(measures.into_iter().map(|measure| charge(account, it, currency, measure)));
        }
    }
    Ok(rows)
}

fn charge(account: &str, it: &Billed<'_>, currency: &str, measure: Measure) -> Charge {
    let row = it.metered;
    let description =
        format!("{} of {} by {} for {}", measure.meter, row.model, row.team, row.task);
    Charge {
        day: row.day,
        account: account.to_owned(),
        team: row.team.clone(),
        key: row.key.clone(),
        task: row.task.clone(),
        model: row.model.clone(),
        engine: row.engine.clone(),
        provider: it.provider.to_owned(),
        region: it.region.unwrap_or_default().to_owned(),
        tags: tags(row),
        requests: row.requests,
        estimated: row.estimated,
        currency: currency.to_owned(),
        cost: decimal(measure.picos, 12),
        unit_price: measure.unit_price,
        quantity: measure.quantity,
        pricing_unit: measure.pricing_unit,
        consumed: measure.consumed,
        consumed_unit: measure.consumed_unit,
        meter: measure.meter,
        sku: measure.sku,
        price_id: measure.price_id,
        description,
    }
}

/// The parts of a cost by the price of its day, if they make up exactly what was recorded.
fn explained(price: &Price, row: &Metered, picos: u128) -> Option<Vec<Measure>> {
    let requests = u128::from(row.requests - row.cached);
    let per_request = requests * price.per_request.picos();
    let mut measures = Vec::new();
    if per_request > 0 {
        measures.push(Measure {
            picos: per_request,
            unit_price: price.per_request.to_string(),
            quantity: requests.to_string(),
            pricing_unit: "Requests",
            consumed: requests.to_string(),
            consumed_unit: "Requests",
            meter: "Requests",
            sku: "requests",
            price_id: price.valid_from.to_string(),
        });
    }
    match &price.rates {
        Rates::Tokens(rates) => {
            for meter in Meter::ALL {
                let tokens = meter.tokens(&row.usage);
                if tokens > 0 {
                    measures.push(of_tokens(meter, tokens, rates.per_million(meter), price));
                }
            }
            let sum: u128 = measures.iter().map(|it| it.picos).sum();
            (sum == picos).then_some(measures)
        }
        Rates::Time(rates) => {
            let time = picos.checked_sub(per_request)?;
            // Each answer was rounded up on its own, so the whole is a little below the sum.
            let slack = u128::from(row.requests) * rates.rounding_picos();
            let whole = rates.picos(&row.usage);
            if rates.per_hour.picos() == 0 || whole.abs_diff(time) > slack {
                return None;
            }
            measures.push(of_time(time, rates.per_hour, rates.busy_nanos(&row.usage), price));
            Some(measures)
        }
    }
}

fn of_tokens(meter: Meter, tokens: u64, per_million: Exact, price: &Price) -> Measure {
    let (name, sku) = match meter {
        Meter::Input => ("Input Tokens", "input"),
        Meter::CachedInput => ("Cached Input Tokens", "cached-input"),
        Meter::CacheWritten => ("Cache Written Tokens", "cache-written"),
        Meter::Output => ("Output Tokens", "output"),
    };
    Measure {
        // A price per million has at most six decimals, so a token has a whole number.
        picos: u128::from(tokens) * (per_million.picos() / 1_000_000),
        unit_price: per_million.to_string(),
        quantity: decimal(tokens.into(), 6),
        pricing_unit: "1000000 Tokens",
        consumed: tokens.to_string(),
        consumed_unit: "Tokens",
        meter: name,
        sku,
        price_id: price.valid_from.to_string(),
    }
}

/// The hours that a cost pays for: the product with the price of an hour, rounded to 10⁻¹², is
/// the cost. Consumed is the time that the tokens filled, idle time not counted.
fn of_time(picos: u128, per_hour: Exact, busy_nanos: u128, price: &Price) -> Measure {
    let steps = 10u128.pow(QUANTITY_PLACES);
    let (whole, rest) = (picos / per_hour.picos(), picos % per_hour.picos());
    let part = long_division(rest, per_hour.picos(), QUANTITY_PLACES);
    Measure {
        picos,
        unit_price: per_hour.to_string(),
        quantity: decimal(whole * steps + part, QUANTITY_PLACES as usize),
        pricing_unit: "Hours",
        consumed: decimal(busy_nanos, 9),
        consumed_unit: "Seconds",
        meter: "Engine Time",
        sku: "time",
        price_id: price.valid_from.to_string(),
    }
}

/// `rest / divisor` in 10^-`places`, for a rest below the divisor; rounded down.
fn long_division(mut rest: u128, divisor: u128, places: u32) -> u128 {
    let mut quotient = 0;
    for _ in 0..places {
        rest *= 10;
        quotient = quotient * 10 + rest / divisor;
        rest %= divisor;
    }
    quotient
}

/// A recorded cost that no price of the list explains any more.
fn as_recorded(row: &Metered, picos: u128) -> Measure {
    let tokens = |it: &Usage| it.total_tokens().to_string();
    Measure {
        picos,
        unit_price: decimal(picos, 12),
        quantity: "1".to_owned(),
        pricing_unit: "Units",
        consumed: tokens(&row.usage),
        consumed_unit: "Tokens",
        meter: "Recorded Cost",
        sku: "recorded",
        price_id: row.day.to_string(),
    }
}

/// Tags as the JSON object of FOCUS's key-value format; a tag without a value is true.
fn tags(row: &Metered) -> String {
    let pairs: BTreeMap<&str, Option<&str>> = row
        .tags
        .iter()
        .map(|tag| {
            tag.split_once('=').map_or((tag.as_str(), None), |(key, value)| (key, Some(value)))
        })
        .collect();
    if pairs.is_empty() {
        return String::new();
    }
    let each = pairs.iter().map(|(key, value)| {
        let value = value.map_or_else(|| "true".to_owned(), quoted);
        format!("{}:{value}", quoted(key))
    });
    format!("{{{}}}", each.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
