//! `[models.NAME]`: models of others: who serves them, and their dated price.
//!
//! A model with an `engine` answers under its name; one without only gives its price to reports.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use freehold_economics::tariff::Price;
use freehold_economics::{Day, Exact, Rates, Tariff, TokenRates, price_list};
use freehold_gateway::RedactionRule;
use freehold_vocabulary::{DataClass, EngineName, Tier};
use serde::{Deserialize, Serialize};

use super::EngineConfig;

/// Longest name of a model.
const NAME_BYTES_MAX: usize = 128;

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    pub tier: Tier,
    /// Whose price it is, as reports say it.
    pub provider: String,
    /// The section of `[engines]` that serves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineName>,
    /// What the engine calls it, if not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Models that are asked, in this order, when this one may not or cannot answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// The class of requests that name this model, if not `serve.default_data_class`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_class: Option<DataClass>,
    /// Whether an answer may be given again: unsaid, to requests with temperature 0; `true`, to
    /// every request that has no effect but its answer; `false`, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<bool>,
    /// What `freehold cache calibrate` wrote: questions that are as alike as it says have the same
    /// answer. Relative to this file; unsaid compares nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic_cache: Option<PathBuf>,
    /// Whether identifiers are replaced by placeholders before a request goes to its engine, and
    /// put back into the answer; unsaid, what the engine says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redact: Option<bool>,
    /// The class of a request after that; unsaid, what the engine says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redacted_class: Option<DataClass>,
    /// Or a `[[price]]` in the price list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceSetting>,
}

/// A price, or the statement that nobody knows it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "expected { currency, input_per_million, output_per_million, as_of, source }, or \"unknown\" where nobody knows the price"
)]
pub enum PriceSetting {
    Known(PriceConfig),
    Unknown(UnknownPrice),
}

/// The word `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPrice {
    Unknown,
}

/// A price is a fact with a date and a source.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    pub currency: String,
    pub input_per_million: f64,
    pub output_per_million: f64,
    /// Tokens that the engine reads from its cache; unsaid, they cost what others do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_per_million: Option<f64>,
    /// Tokens that the engine writes to its cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_written_per_million: Option<f64>,
    /// `YYYY-MM-DD`.
    pub as_of: String,
    pub source: String,
}

impl ModelConfig {
    pub fn check(&self) -> Result<()> {
        if self.engine.is_none()
            && (self.upstream.is_some()
                || !self.fallback.is_empty()
                || self.data_class.is_some()
                || self.redact.is_some()
                || self.redacted_class.is_some())
        {
            bail!(
                "upstream, fallback, data_class, redact and redacted_class say how an engine serves it; add `engine`"
            );
        }
        if self.redact == Some(false) && self.redacted_class.is_some() {
            bail!(
                "redacted_class says what a redaction makes of a request; remove `redact = false`"
            );
        }
        Ok(())
    }

    /// What is taken out before a request goes to the model, joined with what its engine says.
    pub fn redaction(&self, engine: &EngineConfig) -> Result<Option<RedactionRule>> {
        if !self.redact.unwrap_or(engine.redact) {
            if self.redacted_class.is_some() {
                bail!(
                    "redacted_class says what a redaction makes of a request; add `redact = true`"
                );
            }
            return Ok(None);
        }
        Ok(Some(RedactionRule { class: self.redacted_class.or(engine.redacted_class) }))
    }

    /// Whether it answers under its name.
    pub fn is_served(&self) -> bool {
        self.engine.is_some()
    }
}

impl PriceConfig {
    /// A price that holds from the day on which it was read.
    pub fn tariff(&self, name: &str) -> Result<Tariff> {
        price_list::check_currency(&self.currency).map_err(anyhow::Error::msg)?;
        let exact = |number: f64| Exact::parse(&number.to_string());
        let rates = TokenRates::new(
            &self.currency,
            exact(self.input_per_million)?,
            exact(self.output_per_million)?,
            self.cached_input_per_million.map(exact).transpose()?,
            self.cache_written_per_million.map(exact).transpose()?,
        )?;
        let as_of = Day::parse(&self.as_of).context("price.as_of")?;
        let price = Price {
            valid_from: as_of,
            currency: self.currency.clone(),
            per_request: Exact::default(),
            rates: Rates::Tokens(rates),
            as_of,
            source: self.source.clone(),
        };
        Ok(Tariff::new(name, vec![price])?)
    }
}

/// Refuses a name that does not fit into a URL, a metric or a log line as it is.
pub fn check_name(name: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b);
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.as_bytes()[0].is_ascii_alphanumeric();
    fits.then_some(()).with_context(|| {
        format!("`{name}` is no name for a model: use 1 to {NAME_BYTES_MAX} letters, digits or - _ . : /")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ModelConfig> {
        let config: ModelConfig = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = format!("{:#}", parse(text).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }

    const PRICE: &str = "price = { currency = \"USD\", input_per_million = 2.5, output_per_million = 10.0, as_of = \"2026-11-01\", source = \"list\" }";

    #[test]
    fn a_price_is_a_number_or_the_word_unknown() {
        let head = "tier = \"frontier\"\nprovider = \"a\"\nengine = \"cloud\"\n";
        refused(&format!("{head}price = \"free\""), "unknown");
        let price = |text: &str| match parse(&format!("{head}{text}")).unwrap().price {
            Some(PriceSetting::Known(price)) => price.tariff("a").map(drop),
            other => panic!("{other:?}"),
        };
        price(PRICE).unwrap();
        for bad in ["-2.5", "0.00000049"] {
            assert!(price(&PRICE.replace("2.5", bad)).is_err(), "{bad}");
        }
        assert!(price(&PRICE.replace("2026-11-01", "2026-11-31")).is_err());
        assert!(price(&PRICE.replace("USD", "dollars")).is_err());
        assert!(parse(&format!("{head}price = \"unknown\"")).is_ok());
    }

    #[test]
    fn what_only_an_engine_needs_is_refused_without_one() {
        let text = format!("tier = \"mid\"\nprovider = \"a\"\nupstream = \"b\"\n{PRICE}");
        refused(&text, "add `engine`");
    }

    #[test]
    fn names_fit_into_urls_and_metrics() {
        for good in ["gpt-4o", "meta-llama/Llama-3.1-8B", "qwen2.5:7b"] {
            check_name(good).unwrap();
        }
        for bad in ["", "-a", "a b", "a\"b", "a@b", "é"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
