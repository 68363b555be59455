//! `[economics]`: where prices stand, and when they should be looked up again; and from both
//! places in which a price may stand to the one that holds for a model.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use freehold_economics::{Day, PriceList, Rates, Stale, Tariff, tariff::Meter};
use freehold_gateway::ModelPrice;
use freehold_vocabulary::price::ListPrice;
use serde::{Deserialize, Serialize};

use super::Config;
use super::models::{ModelConfig, PriceSetting};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EconomicsConfig {
    /// A file of dated prices, relative to this one; see `freehold cost prices`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_list: Option<PathBuf>,
    /// How old a price may be before everything that uses it says so.
    pub price_stale_after_days: u32,
}

impl Default for EconomicsConfig {
    fn default() -> Self {
        Self { price_list: None, price_stale_after_days: 90 }
    }
}

/// The price of every model, and the list for whatever else has one.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    models: BTreeMap<String, ModelPrice>,
    list: PriceList,
}

impl Prices {
    /// Reads the list and finds the price of every model; a model without one is an error.
    pub fn of(config: &Config) -> Result<Self> {
        let list = match &config.economics.price_list {
            None => PriceList::default(),
            Some(path) => {
                let path = config.root.join(path);
                read(&path).with_context(|| {
                    format!("[economics]: price_list, which is {}", path.display())
                })?
            }
        };
        let models = config.models.iter().map(|(name, model)| {
            let price = price(name, model, &list).with_context(|| format!("[models.{name}]"))?;
            Ok((name.clone(), price))
        });
        let models = models.collect::<Result<_>>()?;
        Ok(Self { models, list })
    }

    /// What the answers of a model of the configuration cost.
    pub fn model(&self, name: &str) -> ModelPrice {
        self.models.get(name).cloned().unwrap_or(ModelPrice::Unknown)
    }

    /// The tariff of a model, or of a task whose own models have one in the list.
    pub fn tariff(&self, name: &str) -> Option<&Tariff> {
        match self.models.get(name) {
            Some(ModelPrice::Known(tariff)) => Some(tariff),
            Some(ModelPrice::Unknown) => None,
            None => self.list.find(name),
        }
    }

    /// Every model with a known price.
    pub fn known(&self) -> impl Iterator<Item = (&str, &Tariff)> {
        self.models.iter().filter_map(|(name, price)| match price {
            ModelPrice::Known(tariff) => Some((name.as_str(), tariff)),
            ModelPrice::Unknown => None,
        })
    }

    /// Prices that somebody should look up again.
    pub fn stale(&self, today: Day, days: u32) -> Vec<Stale> {
        self.known().filter_map(|(name, tariff)| Stale::find(name, tariff, today, days)).collect()
    }

    /// Refuses to sell at a price that does not hold yet.
    pub fn check_today(&self, today: Day) -> Result<()> {
        for (name, tariff) in self.known() {
            let first = tariff.prices()[0].valid_from;
            if first > today {
                bail!("[models.{name}]: its first price holds from {first}; add the one of today");
            }
        }
        Ok(())
    }
}

impl Config {
    /// The list price of a model on a day, as the word that reports use; none where tokens have
    /// no price.
    pub fn list_price(&self, name: &str, day: Day) -> Option<ListPrice> {
        let provider = self.models.get(name)?.provider.clone();
        let price = self.prices.tariff(name)?.on(day);
        let Rates::Tokens(rates) = &price.rates else { return None };
        Some(ListPrice {
            model: name.to_owned(),
            provider,
            currency: price.currency.clone(),
            input_per_million: rates.per_million(Meter::Input).to_f64(),
            output_per_million: rates.per_million(Meter::Output).to_f64(),
            as_of: price.as_of.to_string(),
            source: price.source.clone(),
        })
    }
}

fn read(path: &std::path::Path) -> Result<PriceList> {
    let size = std::fs::metadata(path).context("it cannot be read")?.len();
    let limit = freehold_economics::price_list::BYTES_MAX;
    if size > limit as u64 {
        bail!("it has {size} bytes; a price list has at most {limit}");
    }
    let text = std::fs::read_to_string(path).context("it is not readable UTF-8 text")?;
    Ok(PriceList::parse(&text)?)
}

/// The one place in which the price of a model stands.
fn price(name: &str, model: &ModelConfig, list: &PriceList) -> Result<ModelPrice> {
    let upstream = model.upstream.as_deref();
    let listed = list.find(name).or_else(|| upstream.and_then(|it| list.find(it)));
    let tariff = match (&model.price, listed) {
        (Some(PriceSetting::Unknown(_)), None) => return Ok(ModelPrice::Unknown),
        (Some(_), Some(_)) => bail!(
            "its price stands here and in the price list; keep one (the list keeps the history)"
        ),
        (Some(PriceSetting::Known(price)), None) => price.tariff(name)?,
        (None, Some(tariff)) => tariff.clone(),
        (None, None) => bail!(
            "it has no price: add `price = {{ … }}`, a [[price]] with `model = \"{name}\"` to the file of [economics] price_list, or `price = \"unknown\"`"
        ),
    };
    let writes = |rates: &Rates| match rates {
        Rates::Tokens(_) => true,
        Rates::Time(rates) => rates.output_tokens_per_second.is_some(),
    };
    if model.engine.is_some() && !tariff.prices().iter().all(|it| writes(&it.rates)) {
        bail!("its price by the hour lacks output_tokens_per_second, and it generates");
    }
    Ok(ModelPrice::Known(tariff))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "[[price]]\nmodel = \"large\"\nvalid_from = \"2026-11-01\"\ncurrency = \"EUR\"\nper_hour = 2.4\ninput_tokens_per_second = 9000\noutput_tokens_per_second = 700\nutilisation = 0.3\nas_of = \"2026-11-01\"\nsource = \"invoice\"\n";
    const HEAD: &str = "[portfolio]\nname = \"a\"\n[economics]\nprice_list = \"prices.toml\"\n[models.large]\ntier = \"mid\"\nprovider = \"us\"\n";
    const INLINE: &str = "price = { currency = \"USD\", input_per_million = 2.5, output_per_million = 10.0, as_of = \"2026-11-01\", source = \"list\" }\n";

    fn parse(text: &str, list: &str) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("prices.toml"), list).unwrap();
        Config::parse(text, folder.path().to_owned())
    }

    #[track_caller]
    fn refused(text: &str, list: &str, expected: &str) {
        let error = format!("{:#}", parse(text, list).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_price_stands_in_one_of_two_places() {
        let config = parse(HEAD, LIST).unwrap();
        assert!(config.prices.tariff("large").unwrap().prices()[0].is_time());
        refused(&format!("{HEAD}{INLINE}"), LIST, "keep one");
        refused(HEAD, "", "it has no price");
        refused(HEAD, "[[prise]]\n", "prices.toml");
        let config = parse(&format!("{HEAD}{INLINE}"), "").unwrap();
        assert!(!config.prices.tariff("large").unwrap().prices()[0].is_time());
        let missing = HEAD.replace("prices.toml", "none.toml");
        refused(&missing, LIST, "none.toml");
    }

    #[test]
    fn a_price_of_the_engines_name_for_the_model_counts() {
        let text = format!("{HEAD}engine = \"e\"\nupstream = \"large-1\"\n");
        let list = LIST.replace("\"large\"", "\"large-1\"");
        let lacks = list.replace("output_tokens_per_second = 700\n", "");
        refused(&text, &lacks, "output_tokens_per_second");
        assert!(parse(&text, &list).unwrap().prices.tariff("large").is_some());
    }

    #[test]
    fn old_and_future_prices_are_told() {
        let prices = parse(HEAD, LIST).unwrap().prices;
        let day = |text: &str| Day::parse(text).unwrap();
        assert!(prices.check_today(day("2026-10-31")).is_err());
        assert!(prices.check_today(day("2026-11-01")).is_ok());
        assert_eq!(prices.stale(day("2027-03-01"), 90).len(), 1);
        assert_eq!(prices.stale(day("2026-12-01"), 90).len(), 0);
    }
}
