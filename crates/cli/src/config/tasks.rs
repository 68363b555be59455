//! `[tasks.NAME]`: a task, its quality bar and its route.

use anyhow::{Context as _, Result, bail};
use freehold_routing::Terms;
use freehold_vocabulary::{
    AliasName, Bar, Confidence, DataClass, Digest, LabelMode, Probability, PromiseScope, Task,
    TaskName, Trust,
};
use serde::{Deserialize, Serialize};

use super::models::check_name;
use super::traces::RetentionConfig;

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    pub kind: KindConfig,
    pub data_class: DataClass,
    /// `single`: exactly one label is right; `multi`: any number.
    #[serde(default)]
    pub labels: LabelMode,
    /// The base that encoder models of this task start from.
    #[serde(default = "default_base")]
    pub base: String,
    pub bar: Option<Bar>,
    /// How much worse than the champion a challenger may at most be, as an absolute difference
    /// of the bar's metric that its confidence bound must clear.
    #[serde(default = "default_margin")]
    pub margin: f64,
    /// How long traces of this task are kept, instead of what `[traces]` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces: Option<RetentionConfig>,
    #[serde(default)]
    pub route: RouteConfig,
}

/// What the task does. Other kinds of the design are refused until they are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KindConfig {
    Classify,
}

/// The tiers that may answer, cheapest first, and what is promised about their answers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteConfig {
    /// `@ALIAS` for models of this task, then names of `[models]` that an engine serves, which are
    /// asked about what no alias keeps; `human` at the end.
    pub tiers: Vec<String>,
    /// `@ALIAS` of models that take no part in the route but may be asked alone as `TASK@ALIAS`,
    /// such as a candidate before its promotion. The aliases of the route always may. Each one
    /// takes the memory of a model.
    pub alone: Vec<String>,
    /// α: the error rate promised among the answers that the promise counts.
    pub error_at_most: Probability,
    /// 1−δ: how sure that promise is.
    pub confidence: Confidence,
    /// `route`: the promise of a tier counts the answers that it and the tiers before it keep;
    /// `tier`: it counts only its own, which is stronger and keeps fewer.
    pub promise: PromiseScope,
    /// When an answer of one of `[models]` counts as the task's: `certificate`, if enough of its
    /// answers were judged right; `operator`, because you say so. Else it is a suggestion to people.
    pub trust: Trust,
    /// Digests of certificates of `[models]`, made by `freehold route certify`.
    pub certificates: Vec<Digest>,
}

impl Default for RouteConfig {
    fn default() -> Self {
        Self {
            tiers: ["@micro", "@champion", "human"].map(str::to_owned).to_vec(),
            alone: Vec::new(),
            error_at_most: Probability::new(0.05).expect("0.05 is a probability"),
            confidence: Confidence::P95,
            promise: PromiseScope::Route,
            trust: Trust::Certificate,
            certificates: Vec::new(),
        }
    }
}

fn default_base() -> String {
    "all-minilm-l6-v2".to_owned()
}

fn default_margin() -> f64 {
    0.01
}

impl TaskConfig {
    pub fn check(&self) -> Result<()> {
        self.traces.unwrap_or_default().check()?;
        if self.route.tiers.last().map(String::as_str) != Some("human") {
            bail!("route.tiers must end with `human`, so that every question ends somewhere");
        }
        self.aliases()?;
        self.route_models()?;
        self.aliases_alone()?;
        if let Some(bar) = self.bar
            && !(0.0..=1.0).contains(&bar.at_least)
        {
            bail!("bar.at_least is {}; expected a number from 0 to 1", bar.at_least);
        }
        if !(0.0..=1.0).contains(&self.margin) {
            bail!("margin is {}; expected a number from 0 to 1", self.margin);
        }
        Ok(())
    }

    /// The aliases of the route, in order.
    pub fn aliases(&self) -> Result<Vec<AliasName>> {
        let own = self.route.tiers.iter().filter_map(|tier| tier.strip_prefix('@'));
        own.map(|alias| Ok(AliasName::parse(alias)?)).collect()
    }

    /// The generating models at the end of the route, in order.
    pub fn route_models(&self) -> Result<Vec<String>> {
        let mut models: Vec<String> = Vec::new();
        for (place, tier) in self.route.tiers.iter().enumerate() {
            let last = place + 1 == self.route.tiers.len();
            match (tier.strip_prefix('@'), tier.as_str()) {
                (Some(_), _) if !models.is_empty() => bail!(
                    "`{tier}` in route.tiers comes after `{}`; the task's own models come first",
                    models.join("`, `")
                ),
                (None, "human") if !last => {
                    bail!("`human` in route.tiers is not the last; after people comes nobody")
                }
                (Some(_), _) | (None, "human") => {}
                (None, name) if models.iter().any(|it| it == name) => {
                    bail!("`{name}` stands twice in route.tiers; remove one")
                }
                (None, name) => {
                    check_name(name).with_context(|| {
                        format!("`{name}` in route.tiers is neither `@ALIAS` nor a model")
                    })?;
                    models.push(name.to_owned());
                }
            }
        }
        Ok(models)
    }

    /// What is promised about the answers of the route.
    pub fn terms(&self) -> Terms {
        let RouteConfig { error_at_most, confidence, promise, .. } = self.route;
        Terms { error_at_most, confidence, promise }
    }

    /// The aliases beside the route that may be asked alone.
    pub fn aliases_alone(&self) -> Result<Vec<AliasName>> {
        let own = self.route.alone.iter();
        own.map(|tier| match tier.strip_prefix('@') {
            Some(alias) if self.route.tiers.contains(tier) => bail!(
                "`@{alias}` in route.alone is a tier of the route, which may be asked alone anyway; remove it"
            ),
            Some(alias) => Ok(AliasName::parse(alias)?),
            None => bail!("`{tier}` in route.alone is not `@ALIAS`"),
        })
        .collect()
    }

    /// As the word that the domains use.
    pub fn task(&self, name: &TaskName) -> Task {
        Task { name: name.clone(), mode: self.labels, data_class: self.data_class, bar: self.bar }
    }
}
