//! `[egress]`: what is looked for in requests, and what may leave beyond the clearance of engines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use freehold_deidentification::recognisers::Pack;
use freehold_deidentification::requests::{Classes, RequestDetector};
use freehold_gateway::KeyRule;
use freehold_vocabulary::egress::{EnginesOfKey, Region, RegionLimit, Scope};
use freehold_vocabulary::{DataClass, EngineName};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EgressConfig {
    /// Where data from a class on may go, whatever the clearance of an engine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitConfig>,
    /// What holds for requests of an API key, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, KeyConfig>,
    pub detectors: DetectorsConfig,
}

/// Data from `class_at_least` on goes only to engines in these regions, of these owners.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitConfig {
    /// For the audit log and for messages.
    pub name: String,
    pub class_at_least: DataClass,
    /// An engine without `region` is in none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<BTreeSet<Region>>,
    /// An engine without `owner` is none of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners: Option<BTreeSet<String>>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Its requests are at least of this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_class: Option<DataClass>,
    /// The engines that it may reach; all if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engines: Option<BTreeSet<EngineName>>,
}

/// Identifiers and secrets that raise the class of a request.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorsConfig {
    pub enabled: bool,
    /// Country packs besides the global recognisers; all if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packs: Option<Vec<String>>,
    /// The class of a request with something that nobody can look into: an image, a document,
    /// numbers of tokens. Unsaid, its class stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<DataClass>,
    /// The class that each kind gives a request. A kind that is `public` is not looked for, and
    /// not replaced where identifiers are.
    pub classes: BTreeMap<String, DataClass>,
}

impl Default for DetectorsConfig {
    fn default() -> Self {
        let classes = Classes::default();
        let classes = classes.iter().map(|(kind, class)| (kind.to_string(), class)).collect();
        Self { enabled: true, packs: None, unseen: None, classes }
    }
}

impl EgressConfig {
    /// Refuses what makes no sense, and completes the classes, so that all of them are visible.
    pub fn check(&mut self, engines: &BTreeSet<&EngineName>) -> Result<()> {
        for (place, limit) in self.limits.iter().enumerate() {
            if limit.regions.is_none() && limit.owners.is_none() {
                bail!("limits: `{}` limits nothing; name `regions` or `owners`", limit.name);
            }
            if self.limits[..place].iter().any(|it| it.name == limit.name) {
                bail!("limits: `{}` occurs twice; give one of them another name", limit.name);
            }
        }
        for (name, key) in &self.keys {
            let unknown = key.engines.iter().flatten().find(|it| !engines.contains(it));
            if let Some(unknown) = unknown {
                bail!("keys.{name}: there is no [engines.{unknown}]; add it, or leave it out here");
            }
            if key.data_class.is_none() && key.engines.is_none() {
                bail!("keys.{name} says nothing; give `data_class` or `engines`");
            }
        }
        self.detectors.packs().context("detectors.packs")?;
        self.detectors.classes().context("detectors.classes")?;
        for (kind, class) in DetectorsConfig::default().classes {
            self.detectors.classes.entry(kind).or_insert(class);
        }
        Ok(())
    }

    /// The limits as the policy holds them.
    pub fn limits(&self) -> Vec<RegionLimit> {
        let limits = self.limits.iter().map(|it| RegionLimit {
            name: format!("egress.limits.{}", it.name),
            class_at_least: it.class_at_least,
            regions: it.regions.clone().map_or(Scope::Any, Scope::Only),
            owners: it.owners.clone().map_or(Scope::Any, Scope::Only),
        });
        limits.collect()
    }

    /// What is said of keys.
    pub fn keys(&self) -> BTreeMap<String, KeyRule> {
        let keys = self.keys.iter().map(|(name, key)| {
            let engines = key.engines.clone().map(|engines| {
                let rule = format!("egress.keys.{name}.engines");
                Arc::new(EnginesOfKey { rule, engines })
            });
            (name.clone(), KeyRule { data_class: key.data_class, engines })
        });
        keys.collect()
    }
}

impl DetectorsConfig {
    /// What looks into requests, if anything does.
    pub fn detector(&self) -> Result<Option<RequestDetector>> {
        if !self.enabled {
            return Ok(None);
        }
        Ok(Some(RequestDetector::new(self.packs()?, self.classes()?, self.unseen)))
    }

    fn packs(&self) -> Result<Vec<Pack>> {
        let Some(packs) = &self.packs else { return Ok(Pack::ALL.to_vec()) };
        let packs = packs.iter().map(|name| {
            Pack::parse(name).with_context(|| {
                let names = Pack::ALL.map(Pack::name).join(", ");
                format!("there is no pack `{name}`; there are {names}")
            })
        });
        packs.collect()
    }

    fn classes(&self) -> Result<Classes> {
        let mut classes = Classes::default();
        for (kind, class) in &self.classes {
            classes.set(kind, *class)?;
        }
        Ok(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EgressConfig> {
        let mut config: EgressConfig = toml::from_str(text)?;
        let own = EngineName::parse("own")?;
        config.check(&BTreeSet::from([&own]))?;
        Ok(config)
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = format!("{:#}", parse(text).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        refused("[[limits]]\nname = \"a\"\nclass_at_least = \"internal\"", "limits nothing");
        refused("[keys.ci]\nengines = [\"other\"]", "[engines.other]");
        refused("[keys.ci]", "keys.ci says nothing");
        refused("[detectors]\npacks = [\"xx\"]", "no pack `xx`");
        refused("[detectors.classes]\nemial = \"public\"", "no kind `emial`");
        refused("[detectors]\nenabeld = false", "enabeld");
    }

    #[test]
    fn every_class_is_visible() {
        let config = parse("[detectors.classes]\nemail = \"restricted\"").unwrap();
        assert_eq!(config.detectors.classes["email"], DataClass::Restricted);
        assert_eq!(config.detectors.classes["phone"], DataClass::Confidential);
        assert_eq!(config.detectors.classes["date"], DataClass::Public);
        assert!(config.detectors.detector().unwrap().is_some());
        assert!(
            parse("[detectors]\nenabled = false").unwrap().detectors.detector().unwrap().is_none()
        );
    }

    #[test]
    fn limits_become_rules_with_their_path() {
        let text =
            "[[limits]]\nname = \"gdpr\"\nclass_at_least = \"confidential\"\nregions = [\"eu\"]";
        let limits = parse(text).unwrap().limits();
        assert_eq!(limits[0].name, "egress.limits.gdpr");
        assert_eq!(limits[0].owners, Scope::Any);
    }
}
