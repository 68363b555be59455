//! What is deployed: for each task the tiers that may answer it, cheapest first.
//!
//! A portfolio is immutable. Promotion and rollback build a new one and swap it in whole, so a
//! request sees one consistent set of versions from its first tier to its last.

use std::collections::HashMap;
use std::sync::Arc;

use freehold_routing::{Certificate, TierPolicy};
use freehold_vocabulary::ports::Engine;
use freehold_vocabulary::{Digest, Label, LabelSet, Task, Tier, Timestamp};

/// Every deployed task by name.
#[derive(Debug, Default)]
pub struct Portfolio {
    tasks: HashMap<String, Arc<Deployed>>,
}

/// One task with the tiers of its route; after the last tier comes a person.
#[derive(Debug)]
pub struct Deployed {
    task: Task,
    labels: LabelSet,
    tiers: Vec<DeployedTier>,
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
    #[error("task `{0}` is deployed twice; keep one deployment of each task")]
    Twice(String),
    #[error("task `{task}`: tier `{tier}` comes after a dearer one; order the route upwards")]
    Order { task: String, tier: Tier },
    #[error(
        "task `{task}`: the policy of tier `{tier}` was made for another model or kind of task; calibrate again"
    )]
    Policy { task: String, tier: Tier },
}

impl Portfolio {
    /// Indexes the deployments by task.
    ///
    /// # Errors
    /// When a task occurs twice.
    pub fn new(deployed: Vec<Deployed>) -> Result<Self, PortfolioError> {
        let mut tasks = HashMap::with_capacity(deployed.len());
        for it in deployed {
            let name = it.task.name.as_str().to_owned();
            if tasks.insert(name.clone(), Arc::new(it)).is_some() {
                return Err(PortfolioError::Twice(name));
            }
        }
        Ok(Self { tasks })
    }

    /// The deployment of a task.
    #[must_use]
    pub fn find(&self, task: &str) -> Option<&Arc<Deployed>> {
        self.tasks.get(task)
    }

    /// Every deployment, by name.
    #[must_use]
    pub fn all(&self) -> Vec<&Arc<Deployed>> {
        let mut all: Vec<_> = self.tasks.values().collect();
        all.sort_by(|a, b| a.task.name.cmp(&b.task.name));
        all
    }

    /// The names of the deployed tasks, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.all().iter().map(|it| it.task.name.to_string()).collect()
    }

    /// How many tasks are deployed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether nothing is deployed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
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
        Ok(Self { task, labels, tiers, since })
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
