//! Amounts without rounding: what was typed is what is kept, and sums are whole numbers.

use std::collections::BTreeMap;
use std::fmt;

use freehold_vocabulary::price::Cost;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::EconomicsError;

/// 10⁻¹² of one.
pub const PICOS: u128 = 1_000_000_000_000;
const DECIMALS: usize = 12;
const WHOLE_MAX: u128 = 1_000_000_000;

/// A number from 0 to 10⁹ in 10⁻¹² steps: an amount of money, or a measured rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(u128);

impl Exact {
    /// Reads a plain decimal number.
    ///
    /// # Errors
    /// When it has a sign, an exponent, more than twelve decimal places, or is too large.
    pub fn parse(text: &str) -> Result<Self, EconomicsError> {
        let wrong = || EconomicsError::NoAmount(text.chars().take(40).collect());
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > DECIMALS || whole.len() > 10 {
            return Err(wrong());
        }
        let whole: u128 = whole.parse().map_err(|_| wrong())?;
        let part: u128 = format!("{part:0<DECIMALS$}").parse().map_err(|_| wrong())?;
        let value = whole * PICOS + part;
        if value > WHOLE_MAX * PICOS { Err(wrong()) } else { Ok(Self(value)) }
    }

    /// In 10⁻¹².
    #[must_use]
    pub const fn picos(self) -> u128 {
        self.0
    }

    /// For interfaces that speak binary numbers and check what they are given.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }
}

/// Written out without an exponent and without zeros at the end.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.0, DECIMALS))
    }
}

/// A whole number of 10^-`places` as a decimal number.
#[must_use]
pub fn decimal(value: u128, places: usize) -> String {
    let digits = format!("{value:0>width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From a number or a text. A number's shortest decimal form is what was typed, since a price has
/// fewer digits than a binary number keeps.
impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number such as 2.50")]
        enum Typed {
            Whole(i64),
            Number(f64),
            Text(String),
        }
        let text = match Typed::deserialize(deserializer)? {
            Typed::Whole(number) => number.to_string(),
            Typed::Number(number) => number.to_string(),
            Typed::Text(text) => text,
        };
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Money by currency. Currencies are never added to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<String, u128>);

impl Sums {
    /// Adds an amount in 10⁻¹² of a currency.
    pub fn add(&mut self, currency: &str, picos: u128) {
        match self.0.get_mut(currency) {
            Some(sum) => *sum = sum.saturating_add(picos),
            None => {
                self.0.insert(currency.to_owned(), picos);
            }
        }
    }

    /// Adds what one answer cost.
    pub fn add_cost(&mut self, cost: &Cost) {
        self.add(&cost.currency, cost.picos.into());
    }

    /// Adds all of the other.
    pub fn extend(&mut self, other: &Self) {
        for (currency, picos) in other.iter() {
            self.add(currency, picos);
        }
    }

    /// Every currency with its sum in 10⁻¹².
    pub fn iter(&self) -> impl Iterator<Item = (&str, u128)> {
        self.0.iter().map(|(currency, picos)| (currency.as_str(), *picos))
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum in a currency.
    #[must_use]
    pub fn of(&self, currency: &str) -> u128 {
        self.0.get(currency).copied().unwrap_or_default()
    }
}

/// `1.25 EUR + 0.5 USD`.
impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each =
            self.iter().map(|(currency, picos)| format!("{} {currency}", decimal(picos, DECIMALS)));
        f.write_str(&each.collect::<Vec<_>>().join(" + "))
    }
}

/// Amounts are texts, which no reader of JSON rounds.
impl Serialize for Sums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_map(self.iter().map(|(currency, picos)| (currency, decimal(picos, DECIMALS))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, picos: Option<u128>) {
        assert_eq!(Exact::parse(text).ok().map(Exact::picos), picos, "{text}");
    }

    #[test]
    fn what_is_typed_is_what_is_kept() {
        check("0", Some(0));
        check("2.50", Some(2_500_000_000_000));
        check("0.000000000001", Some(1));
        check("1000000000", Some(WHOLE_MAX * PICOS));
        for bad in [
            "",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1,000",
            "NaN",
            "inf",
            "0.0000000000001",
            "1000000000.1",
            "１",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn currencies_stay_apart() {
        let mut sums = Sums::default();
        sums.add("USD", 500_000_000_000);
        sums.add("EUR", PICOS);
        sums.add("USD", 1);
        assert_eq!(sums.to_string(), "1 EUR + 0.500000000001 USD");
    }

    proptest! {
        /// TOML's numbers are binary; a price with six decimals comes through them unharmed.
        #[test]
        fn a_price_survives_a_binary_number(millionths in 0u64..1_000_000_000_000) {
            let text = decimal(millionths.into(), 6);
            let typed: f64 = text.parse().unwrap();
            prop_assert_eq!(Exact::parse(&typed.to_string()).unwrap(), Exact::parse(&text).unwrap());
            prop_assert_eq!(Exact::parse(&text).unwrap().to_string(), text);
        }
    }
}
