//! What is deployed: for each task the tiers that may answer it, cheapest first.
//!
//! A deployment is a task's whole route, called by the task's name, or a single alias of the task
//! that answers alone, called `task@alias`: `@` occurs in no name, so the two cannot be confused.
//! Alone, an alias is judged by its own policy, and nobody else is asked when it passes. Beside the
//! tasks stand the models that generate, under names of their own.
//!
//! A portfolio is immutable. Promotion and rollback build a new one and swap it in whole, so a
//! request sees one consistent set of versions from its first tier to its last.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use freehold_routing::{Certificate, TierPolicy};
use freehold_vocabulary::ports::Engine;
use freehold_vocabulary::{AliasName, Digest, Label, LabelSet, Task, Tier, Timestamp};

mod generative;
mod remote;
mod routes;

pub use generative::{Egress, GenerativeModel, KeptContent, KeyRule, ModelPrice, RedactionRule};
pub(crate) use remote::Backing;
pub use remote::{RemoteTiers, subject};
pub use routes::{ActiveRouter, ModelRoute, Rule};

/// Every deployment and every generating model by the name that clients use.
#[derive(Debug, Default)]
pub struct Portfolio {
    deployed: HashMap<String, Arc<Deployed>>,
    generative: generative::Generative,
    moderation: Option<Moderation>,
    routes: BTreeMap<String, Arc<ModelRoute>>,
}

/// Who judges whether something is harmful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moderation {
    /// A task, or a model of an engine that judges harm.
    pub model: String,
    /// Labels of the task that say that nothing is wrong.
    pub harmless: Vec<String>,
}

/// One task with the tiers of its route, or one alias alone; after the last tier comes a person.
#[derive(Debug)]
pub struct Deployed {
    task: Task,
    /// The alias that answers alone; none for the route.
    alias: Option<AliasName>,
    labels: LabelSet,
    tiers: Vec<DeployedTier>,
    /// Generating models that are asked when no tier keeps its answer.
    remote: Option<RemoteTiers>,
    since: Timestamp,
}

/// An engine and the rule that says which of its answers are kept.
#[derive(Debug)]
pub struct DeployedTier {
    pub engine: Arc<dyn Engine>,
    pub policy: Arc<TierPolicy>,
}

/// A portfolio that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PortfolioError {
    #[error("task `{0}` has no tier that could answer; promote a model first")]
    NoTier(String),
    #[error("`{0}` is deployed twice; keep one deployment of each task and alias")]
    Twice(String),
    #[error("[models.{0}] has the name of a task; give one of them another name")]
    ModelIsTask(String),
    #[error("model `{model}` falls back to `{fallback}`, which is no model that an engine serves")]
    Fallback { model: String, fallback: String },
    #[error("model `{0}` redacts, but no detector is on; turn the detectors on")]
    Redaction(String),
    #[error(
        "[tasks.{task}] route.tiers names `{model}`, which is no model that an engine serves; add [models.{model}] with an engine"
    )]
    RouteModel { task: String, model: String },
    #[error("[routes.{route}] names `{model}`, which is no model that an engine serves")]
    Route { route: String, model: String },
    #[error("task `{task}`: tier `{tier}` comes after a dearer one; order the route upwards")]
    Order { task: String, tier: Tier },
    #[error(
        "task `{task}`: the policy of tier `{tier}` was made for another model or kind of task; calibrate again"
    )]
    Policy { task: String, tier: Tier },
}

impl Portfolio {
    /// Indexes the deployments by name.
    ///
    /// # Errors
    /// When a task or an alias of it occurs twice.
    pub fn new(deployed: Vec<Deployed>) -> Result<Self, PortfolioError> {
        let mut indexed = HashMap::with_capacity(deployed.len());
        for it in deployed {
            let name = it.name();
            if indexed.insert(name.clone(), Arc::new(it)).is_some() {
                return Err(PortfolioError::Twice(name));
            }
        }
        Ok(Self { deployed: indexed, ..Self::default() })
    }

    /// With these models that generate, and the rules about what may leave for them.
    ///
    /// # Errors
    /// When a name occurs twice or is a task's, or a model or a route names one that is not there.
    pub fn with_models(
        self,
        models: &[Arc<GenerativeModel>],
        egress: Egress,
    ) -> Result<Self, PortfolioError> {
        if let Some(taken) = models.iter().find(|it| self.deployed.contains_key(&it.name)) {
            return Err(PortfolioError::ModelIsTask(taken.name.clone()));
        }
        for it in self.deployed.values() {
            let named = it.remote().into_iter().flat_map(|it| &it.models);
            let mut unknown = named.filter(|name| !models.iter().any(|it| it.name == **name));
            if let Some(model) = unknown.next() {
                let task = it.task.name.to_string();
                return Err(PortfolioError::RouteModel { task, model: model.clone() });
            }
        }
        Ok(Self { generative: generative::Generative::new(models, egress)?, ..self })
    }

    /// With somebody who judges harm.
    #[must_use]
    pub fn with_moderation(self, moderation: Option<Moderation>) -> Self {
        Self { moderation, ..self }
    }

    /// Who judges harm, if anybody does.
    #[must_use]
    pub fn moderation(&self) -> Option<&Moderation> {
        self.moderation.as_ref()
    }

    /// With these names, each of which stands for two of the models.
    ///
    /// # Errors
    /// When a name is taken, or a model is not there.
    pub fn with_routes(mut self, routes: &[Arc<ModelRoute>]) -> Result<Self, PortfolioError> {
        for route in routes {
            let taken = self.deployed.contains_key(&route.name)
                || self.chain(&route.name).is_some()
                || self.routes.contains_key(&route.name);
            if taken {
                return Err(PortfolioError::Twice(route.name.clone()));
            }
            for model in [&route.weak, &route.strong] {
                if self.chain(model).is_none() {
                    let (route, model) = (route.name.clone(), model.clone());
                    return Err(PortfolioError::Route { route, model });
                }
            }
            self.routes.insert(route.name.clone(), Arc::clone(route));
        }
        Ok(self)
    }

    /// Every choice, by name.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<ModelRoute>> {
        self.routes.values()
    }

    /// The choice of that name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&Arc<ModelRoute>> {
        self.routes.get(name)
    }

    /// The generating model of that name, then those that stand in for it.
    #[must_use]
    pub fn chain(&self, name: &str) -> Option<&[Arc<GenerativeModel>]> {
        self.generative.chain(name)
    }

    /// Every generating model, by name.
    pub fn models(&self) -> impl Iterator<Item = &Arc<GenerativeModel>> {
        self.generative.all()
    }

    /// What may leave for a generating model.
    #[must_use]
    pub fn egress(&self) -> &Arc<Egress> {
        self.generative.egress()
    }

    /// The deployment of that name: a task, or `task@alias`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Deployed>> {
        self.deployed.get(name)
    }

    /// Every deployment, by name.
    #[must_use]
    pub fn all(&self) -> Vec<&Arc<Deployed>> {
        let mut all: Vec<_> = self.deployed.values().collect();
        // A task comes before its aliases, since none sorts before some.
        all.sort_by(|a, b| (&a.task.name, &a.alias).cmp(&(&b.task.name, &b.alias)));
        all
    }

    /// The names of tasks that clients may use, sorted, each task before its aliases.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.all().iter().map(|it| it.name()).collect()
    }

    /// Everything that clients may call a model: tasks and aliases, then models that generate.
    #[must_use]
    pub fn model_names(&self) -> Vec<String> {
        let models = self.models().map(|it| it.name.clone()).chain(self.routes.keys().cloned());
        self.names().into_iter().chain(models).collect()
    }

    /// How many tasks are deployed; their aliases do not count.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.deployed.values().filter(|it| it.alias.is_none()).count()
    }

    /// Whether nothing is deployed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deployed.is_empty() && self.generative.all().next().is_none()
    }
}

impl Deployed {
    /// A task with its route, cheapest tier first; `since` is when the version took traffic.
    ///
    /// # Errors
    /// When there is no tier, a cheaper one follows a dearer one, or a policy is another model's.
    pub fn new(
        task: Task,
        tiers: Vec<DeployedTier>,
        since: Timestamp,
    ) -> Result<Self, PortfolioError> {
        if tiers.is_empty() {
            return Err(PortfolioError::NoTier(task.name.to_string()));
        }
        for pair in tiers.windows(2) {
            if pair[1].tier() < pair[0].tier() {
                let tier = pair[1].tier();
                return Err(PortfolioError::Order { task: task.name.to_string(), tier });
            }
        }
        let fits = |it: &DeployedTier| {
            it.policy.mode == task.mode && it.policy.labels == it.labels().len()
        };
        if let Some(misfit) = tiers.iter().find(|it| !fits(it)) {
            let tier = misfit.tier();
            return Err(PortfolioError::Policy { task: task.name.to_string(), tier });
        }
        // Versions trained on different data may know different labels; feedback may use any.
        let known = tiers.iter().flat_map(|it| it.labels().as_slice().iter().cloned());
        let labels = LabelSet::sorted(known);
        Ok(Self { task, alias: None, labels, tiers, remote: None, since })
    }

    /// One alias of a task, which answers alone.
    ///
    /// # Errors
    /// When the policy is another model's.
    pub fn alone(
        task: Task,
        alias: AliasName,
        tier: DeployedTier,
        since: Timestamp,
    ) -> Result<Self, PortfolioError> {
        Ok(Self { alias: Some(alias), ..Self::new(task, vec![tier], since)? })
    }

    /// With generating models behind its tiers.
    #[must_use]
    pub fn with_remote(self, remote: RemoteTiers) -> Self {
        Self { remote: Some(remote), ..self }
    }

    /// The generating models behind its tiers.
    #[must_use]
    pub fn remote(&self) -> Option<&RemoteTiers> {
        self.remote.as_ref()
    }

    /// The certificates of its tiers, in order.
    #[must_use]
    pub fn certificates(&self) -> Vec<Digest> {
        self.tiers.iter().filter_map(|it| it.certificate()).map(|it| it.id.clone()).collect()
    }

    /// What clients call it: the task, or `task@alias`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.alias {
            None => self.task.name.to_string(),
            Some(alias) => format!("{}@{alias}", self.task.name),
        }
    }

    /// The alias that answers alone; none for the route.
    #[must_use]
    pub fn alias(&self) -> Option<&AliasName> {
        self.alias.as_ref()
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Every label that some tier knows.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// The tiers of the route, cheapest first; never empty.
    #[must_use]
    pub fn tiers(&self) -> &[DeployedTier] {
        &self.tiers
    }

    /// When this deployment took traffic.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Whether some tier knows the label.
    #[must_use]
    pub fn knows(&self, label: &Label) -> bool {
        self.labels.index_of(label).is_some()
    }
}

impl DeployedTier {
    /// The tier in which the engine answers.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.engine.card().tier
    }

    /// The model version that answers.
    #[must_use]
    pub fn version(&self) -> &Digest {
        &self.engine.card().version
    }

    /// The labels of that version, in the order of its logits.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.engine.card().labels
    }

    /// The certificate behind the answers that this tier keeps.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.policy.certificate.as_ref()
    }
}
