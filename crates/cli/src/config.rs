//! `freehold.toml`: one struct per section, unknown keys refused, every default visible.
//!
//! Errors name the file, the line, the key and what to do. `${NAME}` takes a value from the
//! environment, for secrets only.

pub mod cache;
pub mod compute;
pub mod economics;
pub mod egress;
pub mod embedding;
pub mod engines;
pub mod keeping;
pub mod models;
pub mod moderation;
pub mod portfolio;
pub mod routes;
pub mod serve;
pub mod store;
pub mod tasks;
pub mod traces;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use freehold_vocabulary::{TaskName, Trace};
use serde::{Deserialize, Serialize};

pub use cache::CacheConfig;
pub use compute::ComputeConfig;
pub use economics::{EconomicsConfig, Prices};
pub use egress::EgressConfig;
pub use embedding::EmbeddingConfig;
pub use engines::EngineConfig;
pub use keeping::KeepingConfig;
pub use models::ModelConfig;
pub use moderation::ModerationConfig;
pub use portfolio::PortfolioConfig;
pub use routes::ModelRouteConfig;
pub use serve::ServeConfig;
pub use store::StoreConfig;
pub use tasks::TaskConfig;
pub use traces::TracesConfig;

/// The file's name.
pub const FILE: &str = "freehold.toml";
/// A configuration is a page or two; anything larger is not one.
const BYTES_MAX: u64 = 1 << 20;

/// The whole file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub portfolio: PortfolioConfig,
    #[serde(default)]
    pub store: StoreConfig,
    #[serde(default)]
    pub traces: TracesConfig,
    #[serde(default)]
    pub serve: ServeConfig,
    #[serde(default)]
    pub cache: CacheConfig,
    #[serde(default)]
    pub keeping: KeepingConfig,
    /// Who judges what is harmful; nobody unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moderation: Option<ModerationConfig>,
    #[serde(default)]
    pub compute: ComputeConfig,
    /// The encoder whose vectors are compared.
    #[serde(default)]
    pub embedding: EmbeddingConfig,
    #[serde(default)]
    pub economics: EconomicsConfig,
    /// What is looked for in requests, and what may leave.
    #[serde(default)]
    pub egress: EgressConfig,
    /// Engines elsewhere; nothing goes to one unless its clearance allows it.
    #[serde(default)]
    pub engines: BTreeMap<freehold_vocabulary::EngineName, EngineConfig>,
    /// Models of others, for comparison of price and, later, for routes.
    #[serde(default)]
    pub models: BTreeMap<String, ModelConfig>,
    /// Names that stand for two of the models.
    #[serde(default)]
    pub routes: BTreeMap<String, ModelRouteConfig>,
    #[serde(default)]
    pub tasks: BTreeMap<TaskName, TaskConfig>,
    /// The folder of the file: relative paths start here.
    #[serde(skip)]
    pub root: PathBuf,
    /// The file itself; empty for a text that stands in none.
    #[serde(skip)]
    pub file: PathBuf,
    /// What [models] and the price list say together.
    #[serde(skip)]
    pub prices: Prices,
}

impl Config {
    /// Reads `path`, or `freehold.toml` here or in a folder above.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => find()?,
        };
        let size = std::fs::metadata(&path)
            .with_context(|| format!("{} cannot be read; run `freehold init`", path.display()))?
            .len();
        if size > BYTES_MAX {
            bail!("{} has {size} bytes; a configuration has at most {BYTES_MAX}", path.display());
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} is not readable UTF-8 text", path.display()))?;
        let file = path.canonicalize()?;
        let root = file.parent().map(Path::to_owned).unwrap_or_default();
        let config = Self::parse(&text, root).with_context(|| format!("in {}", path.display()))?;
        Ok(Self { file, ..config })
    }

    /// Reads the text of a file that stands in `root`.
    pub fn parse(text: &str, root: PathBuf) -> Result<Self> {
        // The parser's own message carries line, column, key and the keys that exist.
        let mut config: Self = toml::from_str(text)?;
        config.root = root;
        for (name, task) in &config.tasks {
            task.check().with_context(|| format!("[tasks.{name}]"))?;
            for model in task.route_models()? {
                if config.models.get(&model).is_none_or(|it| !it.is_served()) {
                    bail!(
                        "[tasks.{name}]: route.tiers names `{model}`, which no engine serves; add [models.{model}] with an engine"
                    );
                }
            }
            if name.as_str() == Trace::GENERATION {
                bail!("[tasks.{name}]: traces of generating models have that name; choose another");
            }
        }
        for (name, model) in &config.models {
            model.check().with_context(|| format!("[models.{name}]"))?;
        }
        for (name, route) in &config.routes {
            models::check_name(name)?;
            route.check().with_context(|| format!("[routes.{name}]"))?;
            for model in [&route.weak, &route.strong] {
                if config.models.get(model).is_none_or(|it| !it.is_served()) {
                    bail!(
                        "[routes.{name}] names `{model}`, which no engine serves; add [models.{model}] with an engine"
                    );
                }
            }
        }
        for (name, engine) in &config.engines {
            engine.check().with_context(|| format!("[engines.{name}]"))?;
        }
        if let Some(moderation) = &config.moderation {
            moderation.check(&config).context("[moderation]")?;
        }
        let engines = config.engines.keys().collect();
        config.egress.check(&engines).context("[egress]")?;
        if !config.egress.detectors.enabled
            && let Some(section) = redacting(&config)
        {
            bail!(
                "[{section}]: redact = true needs the detectors; remove egress.detectors.enabled = false"
            );
        }
        config.traces.retention().check().context("[traces]")?;
        config.store.check().context("[store]")?;
        config.compute.check().context("[compute]")?;
        config.embedding.check().context("[embedding]")?;
        config.prices = Prices::of(&config)?;
        Ok(config)
    }

    /// The section of a task.
    pub fn task(&self, name: &TaskName) -> Result<&TaskConfig> {
        self.tasks.get(name).with_context(|| {
            let known: Vec<&str> = self.tasks.keys().map(TaskName::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!("there is no [tasks.{name}] in {FILE} (tasks: {known}); add it")
        })
    }
}

/// A section that has identifiers taken out.
fn redacting(config: &Config) -> Option<String> {
    let engine = config.engines.iter().find(|(_, it)| it.redact);
    let model = config.models.iter().find(|(_, it)| it.redact == Some(true));
    let engine = engine.map(|(name, _)| format!("engines.{name}"));
    engine.or_else(|| model.map(|(name, _)| format!("models.{name}")))
}

fn find() -> Result<PathBuf> {
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    let found = here.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file());
    found.with_context(|| format!("no {FILE} here or above; run `freehold init` to make one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = format!("{:#}", Config::parse(text, PathBuf::new()).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        refused("[portfolio]\nname = \"a\"\nnmae = \"b\"\n", "line 3");
        refused("[portfolio]\nname = \"a\"\nnmae = \"b\"\n", "nmae");
    }

    #[test]
    fn kinds_that_are_not_built_say_so() {
        refused(
            "[portfolio]\nname=\"a\"\n[tasks.t]\nkind=\"extract\"\ndata_class=\"internal\"\n",
            "classify",
        );
    }

    #[test]
    fn a_model_of_a_route_is_served_by_an_engine() {
        let text = "[portfolio]\nname=\"a\"\n[tasks.t]\nkind=\"classify\"\ndata_class=\"internal\"\nroute={tiers=TIERS}\n";
        let refused = |tiers: &str, why: &str| refused(&text.replace("TIERS", tiers), why);
        refused("[\"@micro\", \"large\", \"human\"]", "[models.large]");
        refused("[\"large\", \"@micro\", \"human\"]", "own models come first");
        refused("[\"human\", \"@micro\", \"human\"]", "not the last");
        refused("[\"a b\", \"human\"]", "neither `@ALIAS` nor a model");
    }

    #[test]
    fn a_route_ends_with_people() {
        let text = "[portfolio]\nname=\"a\"\n[tasks.t]\nkind=\"classify\"\ndata_class=\"internal\"\nroute={tiers=[\"@champion\"]}\n";
        refused(text, "human");
    }
}
