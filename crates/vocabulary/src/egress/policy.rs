//! Which request may go where. Pure; default deny.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Classified, Cleared, EngineClearance, Place, Region};
use crate::{DataClass, EngineName};

/// The rules of an organisation. Without rules nothing leaves the process.
///
/// A request may go to an engine when all of these hold, checked in this order:
/// 1. the caller's key may reach the engine;
/// 2. its class is at most the engine's clearance;
/// 3. every [`RegionLimit`] that speaks of its class names the engine's region and owner;
/// 4. some [`Allow`] covers class, engine, region and owner.
///
/// Inside the process only the first two are asked: nothing leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EgressPolicy {
    pub allow: Vec<Allow>,
    pub limits: Vec<RegionLimit>,
}

/// Lets requests out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// For the audit log.
    pub name: String,
    pub class_at_most: DataClass,
    #[serde(default)]
    pub engines: Scope<EngineName>,
    #[serde(default)]
    pub regions: Scope<Region>,
    #[serde(default)]
    pub owners: Scope<String>,
}

/// Keeps sensitive requests in some regions and with some owners, whatever else is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionLimit {
    /// For the audit log.
    pub name: String,
    pub class_at_least: DataClass,
    /// An engine of unknown region is in none of them.
    #[serde(default)]
    pub regions: Scope<Region>,
    /// An engine of unknown owner is none of theirs.
    #[serde(default)]
    pub owners: Scope<String>,
}

/// All, or only some.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope<T: Ord> {
    #[default]
    Any,
    Only(BTreeSet<T>),
}

impl<T: Ord> Scope<T> {
    /// What nobody stated is in no list.
    fn covers(&self, stated: Option<&T>) -> bool {
        match self {
            Self::Any => true,
            Self::Only(some) => stated.is_some_and(|it| some.contains(it)),
        }
    }
}

impl Allow {
    /// The rule that an operator states by giving an engine its clearance.
    #[must_use]
    pub fn to_engine(engine: &EngineClearance) -> Self {
        Self {
            name: format!("engines.{}.clearance", engine.engine),
            class_at_most: engine.clearance,
            engines: Scope::Only(BTreeSet::from([engine.engine.clone()])),
            regions: Scope::Any,
            owners: Scope::Any,
        }
    }

    fn covers(&self, class: DataClass, engine: &EngineClearance) -> bool {
        class <= self.class_at_most
            && self.engines.covers(Some(&engine.engine))
            && self.regions.covers(engine.region.as_ref())
            && self.owners.covers(engine.owner.as_ref())
    }
}

/// A request may not go to an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error(
    "{class} data may not go to engine `{engine}` (clearance {clearance}): denied by the rule `{rule}`"
)]
pub struct Denied {
    pub engine: EngineName,
    pub class: DataClass,
    pub clearance: DataClass,
    /// `clearance`, the name of a limit, that of the key's engines, or `default`.
    pub rule: String,
}

impl EgressPolicy {
    /// The only way to make a [`Cleared`] request.
    ///
    /// # Errors
    /// When a rule forbids it, or none allows it.
    pub fn clear<T>(
        &self,
        request: &Classified<T>,
        engine: &EngineClearance,
    ) -> Result<Cleared<T>, Denied> {
        let barred = request.engines_of_key().filter(|it| !it.engines.contains(&engine.engine));
        if let Some(barred) = barred {
            return Err(denied(request.class(), engine, &barred.rule));
        }
        let rule = self.judge(request.class(), engine)?;
        Ok(Cleared::new(request, engine, rule))
    }

    /// The rule that would let data of a class go to an engine, for routing and explanations.
    ///
    /// # Errors
    /// When a rule forbids it, or none allows it.
    pub fn judge(&self, class: DataClass, engine: &EngineClearance) -> Result<String, Denied> {
        let denied = |rule: &str| denied(class, engine, rule);
        if class > engine.clearance {
            return Err(denied("clearance"));
        }
        if engine.place == Place::Here {
            return Ok("in-process".to_owned());
        }
        let broken = self.limits.iter().find(|limit| {
            let inside = limit.regions.covers(engine.region.as_ref());
            let theirs = limit.owners.covers(engine.owner.as_ref());
            class >= limit.class_at_least && !(inside && theirs)
        });
        if let Some(limit) = broken {
            return Err(denied(&limit.name));
        }
        let allowing = self.allow.iter().find(|rule| rule.covers(class, engine));
        allowing.map(|rule| rule.name.clone()).ok_or_else(|| denied("default"))
    }
}

fn denied(class: DataClass, engine: &EngineClearance, rule: &str) -> Denied {
    Denied {
        engine: engine.engine.clone(),
        class,
        clearance: engine.clearance,
        rule: rule.to_owned(),
    }
}
