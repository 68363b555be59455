//! What answers cost: processor time at its price, for a cascade with the tries that failed,
//! beside the list price of an API.
//!
//! Prices are arguments with a currency and a date; none stands in the code. An unknown price is
//! an error of the caller, never zero.

use freehold_vocabulary::Tier;
use freehold_vocabulary::price::ListPrice;
use serde::{Deserialize, Serialize};

use crate::RoutingError;

/// What an hour of one processor costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessorPrice {
    pub currency: String,
    pub per_cpu_hour: f64,
    /// The day on which the price was read, `YYYY-MM-DD`.
    pub as_of: String,
    pub source: String,
}

/// One tier as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeasuredTier {
    pub tier: Tier,
    /// Processor seconds that one try takes, kept or not.
    pub cpu_seconds_per_try: f64,
    /// Share of all requests whose answer this tier keeps.
    pub kept_share: f64,
}

/// What a million requests cost in a cascade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CascadeCost {
    pub currency: String,
    /// For a million requests that enter the cascade; the work of people is not in it.
    pub per_million_requests: f64,
    /// For a million answers that a tier kept; none when nothing is kept.
    pub per_million_answers: Option<f64>,
    /// Share of requests that reach each tier, in order.
    pub reached: Vec<f64>,
    /// Share of requests that no tier kept.
    pub abstained: f64,
}

/// The cost of a million requests that try the tiers in order until one keeps its answer.
///
/// # Errors
/// When a measurement or the price is negative or not finite, or the shares exceed one.
pub fn cascade_cost(
    tiers: &[MeasuredTier],
    price: &ProcessorPrice,
) -> Result<CascadeCost, RoutingError> {
    let usable = |it: f64| it.is_finite() && it >= 0.0;
    for number in tiers.iter().flat_map(|it| [it.cpu_seconds_per_try, it.kept_share]) {
        if !usable(number) {
            let (what, expected) = ("a measured cost or share", "a number from zero up");
            return Err(RoutingError::Request { what, found: number.to_string(), expected });
        }
    }
    if !usable(price.per_cpu_hour) {
        let (what, expected) = ("the price of a processor hour", "a number from zero up");
        return Err(RoutingError::Request {
            what,
            found: price.per_cpu_hour.to_string(),
            expected,
        });
    }
    let kept: f64 = tiers.iter().map(|it| it.kept_share).sum();
    if kept > 1.0 + 1e-9 {
        let (what, expected) = ("the sum of the kept shares", "at most 1");
        return Err(RoutingError::Request { what, found: kept.to_string(), expected });
    }
    let mut left = 1.0f64;
    let mut seconds = 0.0;
    let mut reached = Vec::with_capacity(tiers.len());
    for tier in tiers {
        reached.push(left);
        seconds += left * tier.cpu_seconds_per_try;
        left = (left - tier.kept_share).max(0.0);
    }
    let per_million_requests = seconds * 1e6 / 3600.0 * price.per_cpu_hour;
    Ok(CascadeCost {
        currency: price.currency.clone(),
        per_million_requests,
        per_million_answers: (kept > 0.0).then(|| per_million_requests / kept),
        reached,
        abstained: left,
    })
}

/// How many times dearer a million requests are at a list price; none when the currencies differ
/// (no rate of exchange is assumed) or our own cost is zero.
#[must_use]
pub fn times_dearer(
    cost: &CascadeCost,
    list: &ListPrice,
    input_tokens: f64,
    output_tokens: f64,
) -> Option<f64> {
    let comparable = cost.currency == list.currency && cost.per_million_requests > 0.0;
    comparable
        .then(|| list.per_million_requests(input_tokens, output_tokens) / cost.per_million_requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(per_cpu_hour: f64) -> ProcessorPrice {
        let (currency, as_of) = ("USD".to_owned(), "2026-11-01".to_owned());
        ProcessorPrice { currency, per_cpu_hour, as_of, source: "invoice".to_owned() }
    }

    fn tier(tier: Tier, cpu_seconds_per_try: f64, kept_share: f64) -> MeasuredTier {
        MeasuredTier { tier, cpu_seconds_per_try, kept_share }
    }

    #[test]
    fn failed_tries_are_paid_for() {
        // 10 µs for all, then 3 ms for the 40 % that the first tier passed.
        let tiers = [tier(Tier::Micro, 1e-5, 0.6), tier(Tier::Small, 3e-3, 0.3)];
        let cost = cascade_cost(&tiers, &price(0.036)).unwrap();
        let expected = (1e-5 + 0.4 * 3e-3) * 1e6 / 3600.0 * 0.036;
        assert!((cost.per_million_requests - expected).abs() < 1e-12);
        assert!((cost.per_million_answers.unwrap() - expected / 0.9).abs() < 1e-12);
        assert!((cost.abstained - 0.1).abs() < 1e-12);
        assert_eq!(cost.reached, [1.0, 0.4]);
    }

    #[test]
    fn a_list_price_in_another_currency_is_not_compared() {
        let cost = cascade_cost(&[tier(Tier::Micro, 0.0036, 1.0)], &price(1.0)).unwrap();
        let mut list = ListPrice {
            model: "frontier".to_owned(),
            provider: "someone".to_owned(),
            currency: "USD".to_owned(),
            input_per_million: 2.0,
            output_per_million: 10.0,
            as_of: "2026-11-01".to_owned(),
            source: "price page".to_owned(),
        };
        // 1 USD of processor time against 1000 · 2 + 10 · 10 = 2,100 USD.
        let times = times_dearer(&cost, &list, 1000.0, 10.0).unwrap();
        assert!((times - 2100.0).abs() < 1e-9, "{times}");
        list.currency = "EUR".to_owned();
        assert_eq!(times_dearer(&cost, &list, 1000.0, 10.0), None);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        for bad in [tier(Tier::Micro, -1.0, 0.5), tier(Tier::Micro, f64::NAN, 0.5)] {
            assert!(cascade_cost(&[bad], &price(1.0)).is_err());
        }
        let both = [tier(Tier::Micro, 1.0, 0.7), tier(Tier::Small, 1.0, 0.7)];
        assert!(cascade_cost(&both, &price(1.0)).is_err());
        assert!(cascade_cost(&both[..1], &price(f64::INFINITY)).is_err());
        let nothing = cascade_cost(&[], &price(1.0)).unwrap();
        assert_eq!((nothing.per_million_answers, nothing.abstained), (None, 1.0));
    }
}
