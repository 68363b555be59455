//! Prices of APIs: lists for comparison, and what one answer cost. Prices are data with a date,
//! never code.

use serde::{Deserialize, Serialize};

use crate::chat::Usage;

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

/// What one answer cost. Whole numbers, so that sums are exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub currency: String,
    /// In 10⁻¹² of the currency.
    pub picos: u64,
}

/// What the tokens of a model cost, in 10⁻¹² of a currency each.
///
/// Thinking is paid as output, since providers count it there. Where no price of cached tokens is
/// stated, they cost as much as others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPrice {
    currency: String,
    input: u64,
    output: u64,
    cached_input: u64,
    cache_written: u64,
}

/// A number is no price.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{0} per million tokens is not a price: expected 0 to 1000000 with at most six decimal places"
)]
pub struct InvalidPrice(f64);

impl TokenPrice {
    /// A price in currency units per million tokens.
    ///
    /// # Errors
    /// When a number is negative, too large, or finer than can be kept exactly.
    pub fn per_million(currency: &str, input: f64, output: f64) -> Result<Self, InvalidPrice> {
        let (input, output) = (picos(input)?, picos(output)?);
        let currency = currency.to_owned();
        Ok(Self { currency, input, output, cached_input: input, cache_written: input })
    }

    /// With prices of their own for tokens that are read from a cache or written to it.
    ///
    /// # Errors
    /// As [`TokenPrice::per_million`].
    pub fn with_cache(
        self,
        read_per_million: Option<f64>,
        written_per_million: Option<f64>,
    ) -> Result<Self, InvalidPrice> {
        let cached_input = read_per_million.map_or(Ok(self.cached_input), picos)?;
        let cache_written = written_per_million.map_or(Ok(self.cache_written), picos)?;
        Ok(Self { cached_input, cache_written, ..self })
    }

    /// What that many tokens cost.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Cost {
        let special = usage.cached_input_tokens.saturating_add(usage.cache_written_tokens);
        let plain = usage.input_tokens.saturating_sub(special);
        let parts = [
            (plain, self.input),
            (usage.cached_input_tokens, self.cached_input),
            (usage.cache_written_tokens, self.cache_written),
            (usage.output_tokens, self.output),
        ];
        let sum: u128 = parts.iter().map(|(n, each)| u128::from(*n) * u128::from(*each)).sum();
        Cost { currency: self.currency.clone(), picos: u64::try_from(sum).unwrap_or(u64::MAX) }
    }
}

fn picos(per_million: f64) -> Result<u64, InvalidPrice> {
    let scaled = per_million * 1e6;
    let whole = scaled.round();
    let exact = (scaled - whole).abs() <= 1e-6 * whole.max(1.0);
    if (0.0..=1e12).contains(&whole) && exact {
        Ok(whole as u64)
    } else {
        Err(InvalidPrice(per_million))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(usage: Usage, picos: u64) {
        let price = TokenPrice::per_million("USD", 2.5, 10.0).unwrap();
        let price = price.with_cache(Some(1.25), Some(3.125)).unwrap();
        assert_eq!(price.cost(&usage), Cost { currency: "USD".to_owned(), picos }, "{usage:?}");
    }

    #[test]
    fn every_kind_of_token_has_its_price() {
        let usage = Usage { input_tokens: 1000, output_tokens: 100, ..Usage::default() };
        check(usage, 3_500_000_000);
        check(Usage { reasoning_tokens: 90, ..usage }, 3_500_000_000);
        check(Usage { cached_input_tokens: 800, ..usage }, 2_500_000_000);
        check(Usage { cache_written_tokens: 1000, ..usage }, 4_125_000_000);
        let odd = Usage { input_tokens: u64::MAX, output_tokens: u64::MAX, ..usage };
        check(odd, u64::MAX);
    }

    #[test]
    fn a_price_that_cannot_be_kept_is_refused() {
        for bad in [-1.0, f64::NAN, f64::INFINITY, 0.000_000_44, 1e7] {
            assert!(TokenPrice::per_million("EUR", bad, 1.0).is_err(), "{bad}");
        }
        for good in [0.0, 0.0375, 0.000_001, 75.0, 0.15, 1e6] {
            assert!(TokenPrice::per_million("EUR", 1.0, good).is_ok(), "{good}");
        }
    }
}
