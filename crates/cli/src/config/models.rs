//! `[models.NAME]`: models of others: who serves them, and their dated price.
//!
//! A model with an `engine` answers under its name; one without only gives its price to reports.

use anyhow::{Context as _, Result, bail};
use freehold_gateway::ModelPrice;
use freehold_vocabulary::price::{ListPrice, TokenPrice};
use freehold_vocabulary::{DataClass, EngineName, Tier};
use serde::{Deserialize, Serialize};

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
    pub price: PriceSetting,
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
        if let PriceSetting::Known(price) = &self.price {
            price.tokens()?;
            if price.as_of.len() != 10 {
                bail!("price.as_of is `{}`; expected a day such as `2026-11-01`", price.as_of);
            }
        }
        if self.engine.is_none()
            && (self.upstream.is_some() || !self.fallback.is_empty() || self.data_class.is_some())
        {
            bail!("upstream, fallback and data_class say how an engine serves it; add `engine`");
        }
        Ok(())
    }

    /// What one answer costs.
    pub fn model_price(&self) -> Result<ModelPrice> {
        Ok(match &self.price {
            PriceSetting::Known(price) => ModelPrice::Known(price.tokens()?),
            PriceSetting::Unknown(_) => ModelPrice::Unknown,
        })
    }

    /// As the word that reports use; none where the price is not known.
    pub fn list_price(&self, name: &str) -> Option<ListPrice> {
        let PriceSetting::Known(price) = &self.price else { return None };
        Some(ListPrice {
            model: name.to_owned(),
            provider: self.provider.clone(),
            currency: price.currency.clone(),
            input_per_million: price.input_per_million,
            output_per_million: price.output_per_million,
            as_of: price.as_of.clone(),
            source: price.source.clone(),
        })
    }
}

impl PriceConfig {
    fn tokens(&self) -> Result<TokenPrice> {
        let price = TokenPrice::per_million(
            &self.currency,
            self.input_per_million,
            self.output_per_million,
        )?;
        Ok(price.with_cache(self.cached_input_per_million, self.cache_written_per_million)?)
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
    fn a_model_has_a_price_or_says_that_nobody_knows_it() {
        let head = "tier = \"frontier\"\nprovider = \"a\"\nengine = \"cloud\"\n";
        refused(head, "price");
        refused(&format!("{head}price = \"free\""), "unknown");
        refused(&format!("{head}{}", PRICE.replace("2.5", "-2.5")), "not a price");
        refused(&format!("{head}{}", PRICE.replace("2.5", "0.00000049")), "not a price");
        let known = parse(&format!("{head}{PRICE}")).unwrap();
        assert!(matches!(known.model_price().unwrap(), ModelPrice::Known(_)));
        let unknown = parse(&format!("{head}price = \"unknown\"")).unwrap();
        assert_eq!(unknown.model_price().unwrap(), ModelPrice::Unknown);
        assert!(unknown.list_price("a").is_none());
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
