//! A price list: a dated TOML file with several prices per model.
//!
//! ```toml
//! [[price]]
//! model = "gpt-4o"
//! valid_from = "2026-11-01"
//! currency = "USD"
//! input_per_million = 2.50
//! output_per_million = 10.00
//! cached_input_per_million = 1.25
//! as_of = "2026-11-20"
//! source = "openai.com/api/pricing"
//!
//! [[price]]
//! model = "qwen3-8b"            # on a machine of one's own
//! valid_from = "2026-11-01"
//! currency = "EUR"
//! per_hour = 2.40
//! input_tokens_per_second = 9000
//! output_tokens_per_second = 700
//! utilisation = 0.30
//! as_of = "2026-11-18"
//! source = "invoice of the data centre; load test of 2026-11-18"
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::tariff::Price;
use crate::{Day, EconomicsError, Exact, Rates, Tariff, TimeRates, TokenRates};

/// Largest list in bytes, and most prices in one.
pub const BYTES_MAX: usize = 4 << 20;
const PRICES_MAX: usize = 20_000;

/// Prices by model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList(BTreeMap<String, Tariff>);

/// A price that somebody should look up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    pub model: String,
    pub as_of: Day,
    pub days: i32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    price: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    model: String,
    valid_from: Day,
    currency: String,
    input_per_million: Option<Exact>,
    output_per_million: Option<Exact>,
    cached_input_per_million: Option<Exact>,
    cache_written_per_million: Option<Exact>,
    per_request: Option<Exact>,
    per_hour: Option<Exact>,
    per_second: Option<Exact>,
    input_tokens_per_second: Option<Exact>,
    cached_input_tokens_per_second: Option<Exact>,
    output_tokens_per_second: Option<Exact>,
    utilisation: Option<Exact>,
    as_of: Day,
    source: String,
}

impl PriceList {
    /// Reads a list.
    ///
    /// # Errors
    /// When it is no such file, or a price in it says too little, too much or nonsense.
    pub fn parse(text: &str) -> Result<Self, EconomicsError> {
        let too_large = |count, unit, limit| EconomicsError::TooLarge { count, unit, limit };
        if text.len() > BYTES_MAX {
            return Err(too_large(text.len(), "bytes", BYTES_MAX));
        }
        let file: File = toml::from_str(text)?;
        if file.price.len() > PRICES_MAX {
            return Err(too_large(file.price.len(), "prices", PRICES_MAX));
        }
        let mut prices: BTreeMap<String, Vec<Price>> = BTreeMap::new();
        for row in file.price {
            let (model, valid_from) = (row.model.clone(), row.valid_from);
            let price = row.price().map_err(|reason| EconomicsError::Price {
                model: model.clone(),
                valid_from,
                reason,
            })?;
            prices.entry(model).or_default().push(price);
        }
        let tariffs = prices.into_iter().map(|(model, prices)| {
            let tariff = Tariff::new(&model, prices)?;
            Ok((model, tariff))
        });
        Ok(Self(tariffs.collect::<Result<_, EconomicsError>>()?))
    }

    /// The prices of a model.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<&Tariff> {
        self.0.get(model)
    }
}

/// What is wrong with a currency, if anything.
///
/// # Errors
/// When it is no code of three letters, as ISO 4217 has them.
pub fn check_currency(currency: &str) -> Result<(), String> {
    if currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(format!("currency is `{currency}`; it is a code of three capital letters, such as EUR"))
}

impl Stale {
    /// The price that holds on `today`, if it was looked up more than `days` days ago.
    #[must_use]
    pub fn find(model: &str, tariff: &Tariff, today: Day, days: u32) -> Option<Self> {
        let as_of = tariff.on(today).as_of;
        let age = today.since(as_of);
        let old = i64::from(age) > i64::from(days);
        old.then(|| Self { model: model.to_owned(), as_of, days: age })
    }
}

impl std::fmt::Display for Stale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { model, as_of, days } = self;
        write!(f, "the price of `{model}` is of {as_of}, {days} days ago; look it up again")
    }
}

impl Row {
    fn price(self) -> Result<Price, String> {
        check_currency(&self.currency)?;
        if self.source.trim().is_empty() {
            return Err("source is empty; say where the price stands".to_owned());
        }
        let rates = self.rates()?;
        Ok(Price {
            valid_from: self.valid_from,
            currency: self.currency,
            per_request: self.per_request.unwrap_or_default(),
            rates,
            as_of: self.as_of,
            source: self.source,
        })
    }

    fn rates(&self) -> Result<Rates, String> {
        let hour = match (self.per_hour, self.per_second) {
            (Some(_), Some(_)) => {
                return Err("per_hour and per_second are two; keep one".to_owned());
            }
            (Some(hour), None) => Some(hour),
            (None, Some(second)) => Some(hour_of(second)?),
            (None, None) => None,
        };
        let of_tokens = [
            ("input_per_million", self.input_per_million),
            ("output_per_million", self.output_per_million),
            ("cached_input_per_million", self.cached_input_per_million),
            ("cache_written_per_million", self.cache_written_per_million),
        ];
        let of_time = [
            ("input_tokens_per_second", self.input_tokens_per_second),
            ("output_tokens_per_second", self.output_tokens_per_second),
            ("utilisation", self.utilisation),
            ("cached_input_tokens_per_second", self.cached_input_tokens_per_second),
        ];
        let stated = |fields: &[(&'static str, Option<Exact>)]| {
            fields.iter().find_map(|(name, value)| value.map(|_| *name))
        };
        let needed = |(name, value): (&str, Option<Exact>)| {
            value.ok_or_else(|| format!("{name} is missing"))
        };
        let Some(per_hour) = hour else {
            if let Some(name) = stated(&of_time) {
                return Err(format!("{name} belongs to a price per_hour or per_second"));
            }
            let (input, output) = (needed(of_tokens[0])?, needed(of_tokens[1])?);
            let [_, _, (_, cached), (_, written)] = of_tokens;
            let rates = TokenRates::new(&self.currency, input, output, cached, written);
            return Ok(Rates::Tokens(rates.map_err(|error| error.to_string())?));
        };
        if let Some(name) = stated(&of_tokens) {
            return Err(format!("{name} and a price of time are two prices; keep one"));
        }
        let rates = TimeRates {
            per_hour,
            input_tokens_per_second: needed(of_time[0])?,
            output_tokens_per_second: self.output_tokens_per_second,
            utilisation: needed(of_time[2])?,
            cached_input_tokens_per_second: self.cached_input_tokens_per_second,
        };
        rates.check()?;
        Ok(Rates::Time(rates))
    }
}

fn hour_of(second: Exact) -> Result<Exact, String> {
    let text = crate::exact::decimal(second.picos() * 3600, 12);
    Exact::parse(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: &str = "[[price]]\nmodel = \"a\"\nvalid_from = \"2026-11-01\"\ncurrency = \"USD\"\ninput_per_million = 2.50\noutput_per_million = 10\nas_of = \"2026-11-01\"\nsource = \"list\"\n";
    const TIME: &str = "[[price]]\nmodel = \"b\"\nvalid_from = \"2026-11-01\"\ncurrency = \"EUR\"\nper_second = 0.001\ninput_tokens_per_second = 9000\noutput_tokens_per_second = 700\nutilisation = 0.3\nas_of = \"2026-11-01\"\nsource = \"invoice\"\n";

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = PriceList::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_list_holds_several_prices_of_a_model() {
        let later = TOKENS.replace("valid_from = \"2026-11-01\"", "valid_from = \"2026-12-01\"");
        let list = PriceList::parse(&format!("{TOKENS}{later}{TIME}")).unwrap();
        assert_eq!(list.find("a").unwrap().prices().len(), 2);
        let price = &list.find("b").unwrap().prices()[0];
        let Rates::Time(rates) = &price.rates else { panic!("{price:?}") };
        assert_eq!(rates.per_hour, Exact::parse("3.6").unwrap());
        assert!(list.find("c").is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused(&TOKENS.replace("model", "modle"), "modle");
        refused(&TOKENS.replace("2.50", "-2.5"), "not an amount");
        refused(&TOKENS.replace("2.50", "0.0000001"), "six decimal places");
        refused(&TOKENS.replace("\"USD\"", "\"$\""), "three capital letters");
        refused(&TOKENS.replace("output_per_million = 10\n", ""), "output_per_million is missing");
        refused(&TOKENS.replace("source = \"list\"", "source = \"\""), "source is empty");
        refused(&TOKENS.replace("2026-11-01", "2026-11-31"), "not a day");
        refused(&format!("{TOKENS}utilisation = 0.5\n"), "belongs to a price per_hour");
        refused(&format!("{TOKENS}{TOKENS}"), "two prices from 2026-11-01");
        refused(&TIME.replace("utilisation = 0.3\n", ""), "utilisation is missing");
        refused(&TIME.replace("utilisation = 0.3", "utilisation = 30"), "at most 1");
        refused(&format!("{TIME}input_per_million = 1\n"), "two prices; keep one");
        refused(&format!("{TIME}per_hour = 1\n"), "keep one");
    }

    #[test]
    fn an_old_price_is_stale() {
        let list = PriceList::parse(TOKENS).unwrap();
        let tariff = list.find("a").unwrap();
        let stale = |today: &str| Stale::find("a", tariff, Day::parse(today).unwrap(), 90);
        assert_eq!(stale("2027-01-30"), None);
        assert_eq!(stale("2027-01-31").map(|it| it.days), Some(91));
    }
}
