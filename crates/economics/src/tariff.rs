//! What a model costs from which day on, by tokens or by the time of the machine that it fills.
//!
//! **By time.** An engine that is paid by the hour is asked what it does at most: so many tokens
//! read, and so many written, in a second, as measured under load. A request is a share of that:
//! for each kind of token its number divided by the measured rate, rounded up to the nanosecond.
//! The sum of these times is the request's. Machines also cost while they wait, so the time is
//! divided by the utilisation that the operator states, and multiplied by the price of the hour;
//! the result is rounded up to 10⁻¹² of the currency. Nothing in it depends on how long an answer
//! happened to wait, so the same tokens cost the same.

use freehold_vocabulary::Timestamp;
use freehold_vocabulary::chat::Usage;
use freehold_vocabulary::price::{Cost, TokenPrice};
use serde::Serialize;

use crate::exact::PICOS;
use crate::{Day, EconomicsError, Exact};

const NANOS: u128 = 1_000_000_000;
const HOUR_NANOS: u128 = 3600 * NANOS;
const PER_THOUSANDTH: u128 = PICOS / 1000;
const PER_TEN_THOUSANDTH: u128 = PICOS / 10_000;
/// The dearest hour; with it every product fits into 128 bits.
const PER_HOUR_MAX: u128 = 100_000;

/// Every price of one model, the oldest first. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff(Vec<Price>);

/// What a model costs from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    pub valid_from: Day,
    pub currency: String,
    /// For every answer, whatever its length.
    pub per_request: Exact,
    pub rates: Rates,
    /// The day on which somebody read or measured it.
    pub as_of: Day,
    pub source: String,
}

/// What is paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rates {
    Tokens(TokenRates),
    Time(TimeRates),
}

/// Prices per million tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRates {
    input: Exact,
    output: Exact,
    cached_input: Option<Exact>,
    cache_written: Option<Exact>,
    each: TokenPrice,
}

/// A machine by the hour, and what was measured on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TimeRates {
    /// What the engine costs in an hour, all its machines together.
    pub per_hour: Exact,
    pub input_tokens_per_second: Exact,
    /// Unsaid, a token from the cache takes as long as any other.
    pub cached_input_tokens_per_second: Option<Exact>,
    /// Unsaid for an engine that writes nothing, such as an encoder; what it writes nevertheless
    /// counts as if it were read.
    pub output_tokens_per_second: Option<Exact>,
    /// The share of the paid time in which the engine works, above 0 and at most 1.
    pub utilisation: Exact,
}

/// One kind of token, as prices and bills tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meter {
    Input,
    CachedInput,
    CacheWritten,
    Output,
}

impl Meter {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Input, Self::CachedInput, Self::CacheWritten, Self::Output];

    /// How many of a usage; every token is of one kind.
    #[must_use]
    pub const fn tokens(self, usage: &Usage) -> u64 {
        match self {
            Self::Input => {
                let special = usage.cached_input_tokens.saturating_add(usage.cache_written_tokens);
                usage.input_tokens.saturating_sub(special)
            }
            Self::CachedInput => usage.cached_input_tokens,
            Self::CacheWritten => usage.cache_written_tokens,
            Self::Output => usage.output_tokens,
        }
    }
}

impl TokenRates {
    /// Prices per million; a kind that has none costs what other input does.
    ///
    /// # Errors
    /// When a price is finer than 10⁻¹² for one token, or beyond what [`TokenPrice`] keeps.
    pub fn new(
        currency: &str,
        input: Exact,
        output: Exact,
        cached_input: Option<Exact>,
        cache_written: Option<Exact>,
    ) -> Result<Self, EconomicsError> {
        let number = Exact::to_f64;
        let each = TokenPrice::per_million(currency, number(input), number(output))
            .and_then(|it| it.with_cache(cached_input.map(number), cache_written.map(number)))
            .map_err(|_finer| EconomicsError::TooFine)?;
        Ok(Self { input, output, cached_input, cache_written, each })
    }

    /// Per million tokens of that kind.
    #[must_use]
    pub fn per_million(&self, meter: Meter) -> Exact {
        match meter {
            Meter::Input => self.input,
            Meter::CachedInput => self.cached_input.unwrap_or(self.input),
            Meter::CacheWritten => self.cache_written.unwrap_or(self.input),
            Meter::Output => self.output,
        }
    }
}

impl TimeRates {
    /// Whether the arithmetic of [`TimeRates::busy_nanos`] is exact with these numbers.
    ///
    /// # Errors
    /// When a number is out of range or too fine; the text says which.
    pub fn check(&self) -> Result<(), String> {
        let rates = [
            ("input_tokens_per_second", Some(self.input_tokens_per_second)),
            ("cached_input_tokens_per_second", self.cached_input_tokens_per_second),
            ("output_tokens_per_second", self.output_tokens_per_second),
        ];
        for (name, rate) in rates {
            if rate.is_some_and(|it| it.picos() == 0 || !it.picos().is_multiple_of(PER_THOUSANDTH))
            {
                return Err(format!(
                    "{name} is what was measured under load, above 0 and with at most three decimal places"
                ));
            }
        }
        let utilisation = self.utilisation.picos();
        if utilisation == 0
            || utilisation > PICOS
            || !utilisation.is_multiple_of(PER_TEN_THOUSANDTH)
        {
            return Err(format!(
                "utilisation is {}; it is the share of the paid time in which the engine works, above 0 and at most 1, with at most four decimal places",
                self.utilisation
            ));
        }
        if self.per_hour.picos() > PER_HOUR_MAX * PICOS {
            return Err(format!("per_hour is {}; at most {PER_HOUR_MAX} is read", self.per_hour));
        }
        Ok(())
    }

    /// The time that so many tokens fill, in nanoseconds; see the head of the file.
    #[must_use]
    pub fn busy_nanos(&self, usage: &Usage) -> u128 {
        let input = self.input_tokens_per_second;
        let parts = Meter::ALL.map(|meter| {
            let rate = match meter {
                Meter::Input | Meter::CacheWritten => input,
                Meter::CachedInput => self.cached_input_tokens_per_second.unwrap_or(input),
                Meter::Output => self.output_tokens_per_second.unwrap_or(input),
            };
            let tokens = u128::from(meter.tokens(usage));
            (tokens * NANOS * 1000).div_ceil(rate.picos() / PER_THOUSANDTH)
        });
        parts.iter().sum()
    }

    /// By how much rounding up can make one answer dearer: the nanosecond of each kind of token
    /// and the last step of the currency.
    pub(crate) fn rounding_picos(&self) -> u128 {
        self.paid(Meter::ALL.len() as u128) + 1
    }

    /// What so many tokens cost, in 10⁻¹² of the currency.
    pub(crate) fn picos(&self, usage: &Usage) -> u128 {
        self.paid(self.busy_nanos(usage))
    }

    fn paid(&self, busy: u128) -> u128 {
        let price = self.per_hour.picos() * 10_000;
        let whole = HOUR_NANOS * (self.utilisation.picos() / PER_TEN_THOUSANDTH);
        // Divided first, so that no product is larger than 128 bits; the rest loses nothing.
        let rest = (busy % whole * price).div_ceil(whole);
        (busy / whole).saturating_mul(price).saturating_add(rest)
    }
}

impl Price {
    /// What an answer with that many tokens costs.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Cost {
        let picos = match &self.rates {
            Rates::Tokens(rates) => u128::from(rates.each.cost(usage).picos),
            Rates::Time(rates) => rates.picos(usage),
        };
        let picos = picos.saturating_add(self.per_request.picos());
        let picos = u64::try_from(picos).unwrap_or(u64::MAX);
        Cost { currency: self.currency.clone(), picos }
    }

    /// Whether an organisation's own machine is paid for, and not somebody's tokens.
    #[must_use]
    pub const fn is_time(&self) -> bool {
        matches!(self.rates, Rates::Time(_))
    }
}

impl Tariff {
    /// # Errors
    /// When there is no price, or two hold from the same day.
    pub fn new(model: &str, mut prices: Vec<Price>) -> Result<Self, EconomicsError> {
        prices.sort_by_key(|it| it.valid_from);
        if let Some(pair) = prices.windows(2).find(|it| it[0].valid_from == it[1].valid_from) {
            let valid_from = pair[0].valid_from;
            return Err(EconomicsError::Twice { model: model.to_owned(), valid_from });
        }
        if prices.is_empty() {
            Err(EconomicsError::None(model.to_owned()))
        } else {
            Ok(Self(prices))
        }
    }

    /// The price of a day. Before the first one there was none, so the first holds: what it says
    /// is nearer to the truth than nothing, and a start with future prices only is refused.
    #[must_use]
    pub fn on(&self, day: Day) -> &Price {
        let later = self.0.partition_point(|it| it.valid_from <= day);
        &self.0[later.saturating_sub(1)]
    }

    /// What an answer at that instant costs.
    #[must_use]
    pub fn cost(&self, usage: &Usage, at: Timestamp) -> Cost {
        self.on(Day::of(at)).cost(usage)
    }

    /// Every price, the oldest first.
    #[must_use]
    pub fn prices(&self) -> &[Price] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).unwrap()
    }

    fn price(valid_from: &str, rates: Rates) -> Price {
        Price {
            valid_from: Day::parse(valid_from).unwrap(),
            currency: "USD".to_owned(),
            per_request: Exact::default(),
            rates,
            as_of: Day::parse(valid_from).unwrap(),
            source: "test".to_owned(),
        }
    }

    fn tokens(input: &str, output: &str) -> Rates {
        Rates::Tokens(TokenRates::new("USD", exact(input), exact(output), None, None).unwrap())
    }

    fn time(per_hour: &str, input: &str, output: &str, utilisation: &str) -> TimeRates {
        TimeRates {
            per_hour: exact(per_hour),
            input_tokens_per_second: exact(input),
            cached_input_tokens_per_second: None,
            output_tokens_per_second: Some(exact(output)),
            utilisation: exact(utilisation),
        }
    }

    #[track_caller]
    fn check(rates: TimeRates, input_tokens: u64, output_tokens: u64, picos: u64) {
        rates.check().unwrap();
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        assert_eq!(price("2026-11-01", Rates::Time(rates)).cost(&usage).picos, picos);
    }

    #[test]
    fn an_hour_is_shared_by_what_fills_it() {
        // 700 tokens a second for an hour are 2,520,000 tokens; they cost the hour.
        check(time("2.5", "7000", "700", "1"), 0, 2_520_000, 2_500_000_000_000);
        // A machine that idles nine tenths of the time makes them ten times as dear.
        check(time("2.5", "7000", "700", "0.1"), 0, 2_520_000, 25_000_000_000_000);
        // A second of reading and a second of writing: two 3600ths.
        check(time("3.6", "1000", "100", "1"), 1000, 100, 2_000_000_000);
        // A third of a second is rounded up to the nanosecond, then to 10⁻¹².
        check(time("3.6", "3", "1", "1"), 1, 0, 333_333_334);
        check(time("2.5", "7000", "700", "1"), 0, 0, 0);
        check(time("100000", "0.001", "0.001", "0.0001"), u64::MAX, u64::MAX, u64::MAX);
    }

    #[test]
    fn a_rate_that_cannot_be_is_refused() {
        for (bad, word) in [
            (time("1", "0", "1", "1"), "input_tokens_per_second"),
            (time("1", "1", "0.0005", "1"), "output_tokens_per_second"),
            (time("1", "1", "1", "0"), "utilisation"),
            (time("1", "1", "1", "1.1"), "utilisation"),
            (time("100000.01", "1", "1", "1"), "per_hour"),
        ] {
            assert!(bad.check().unwrap_err().contains(word), "{word}");
        }
    }

    #[test]
    fn the_price_of_the_day_holds() {
        let rows =
            vec![price("2026-12-01", tokens("1", "4")), price("2026-11-01", tokens("2", "8"))];
        let tariff = Tariff::new("a", rows).unwrap();
        let usage = Usage { input_tokens: 1_000_000, ..Usage::default() };
        for (at, dollars) in [
            ("2026-10-31T00:00:00Z", 2),
            ("2026-11-30T23:59:59.999999Z", 2),
            ("2026-12-01T00:00:00Z", 1),
            ("2027-12-01T00:00:00Z", 1),
        ] {
            let cost = tariff.cost(&usage, Timestamp::parse(at).unwrap());
            assert_eq!(u128::from(cost.picos), dollars * PICOS, "{at}");
        }
        let twice =
            vec![price("2026-11-01", tokens("1", "4")), price("2026-11-01", tokens("2", "8"))];
        assert!(Tariff::new("a", twice).is_err());
    }

    #[test]
    fn a_request_has_a_price_beside_its_tokens() {
        let mut row = price("2026-11-01", tokens("1", "1"));
        row.per_request = exact("0.005");
        assert_eq!(row.cost(&Usage::default()).picos, 5_000_000_000);
    }
}
