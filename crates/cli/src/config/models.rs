//! `[models.NAME]`: models of others, with their dated list price.

use anyhow::{Result, bail};
use freehold_vocabulary::Tier;
use freehold_vocabulary::price::ListPrice;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    pub tier: Tier,
    pub provider: String,
    pub price: PriceConfig,
}

/// A price is a fact with a date and a source.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    pub currency: String,
    pub input_per_million: f64,
    pub output_per_million: f64,
    /// `YYYY-MM-DD`.
    pub as_of: String,
    pub source: String,
}

impl ModelConfig {
    pub fn check(&self) -> Result<()> {
        let prices = [self.price.input_per_million, self.price.output_per_million];
        if prices.iter().any(|price| !(price.is_finite() && *price >= 0.0)) {
            bail!("a price is a number of at least 0");
        }
        if self.price.as_of.len() != 10 {
            bail!("price.as_of is `{}`; expected a day such as `2026-11-01`", self.price.as_of);
        }
        Ok(())
    }

    /// As the word that reports use.
    pub fn list_price(&self, name: &str) -> ListPrice {
        ListPrice {
            model: name.to_owned(),
            provider: self.provider.clone(),
            currency: self.price.currency.clone(),
            input_per_million: self.price.input_per_million,
            output_per_million: self.price.output_per_million,
            as_of: self.price.as_of.clone(),
            source: self.price.source.clone(),
        }
    }
}
