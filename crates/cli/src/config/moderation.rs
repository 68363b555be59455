//! `[moderation]`: who answers `/v1/moderations`.

use anyhow::{Result, bail};
use freehold_gateway::Moderation;
use serde::{Deserialize, Serialize};

use super::Config;

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModerationConfig {
    /// A task of `[tasks]`, or a model of `[models]` whose engine judges harm.
    pub model: String,
    /// Labels of the task that say that nothing is wrong; every other is a category of harm.
    #[serde(default)]
    pub harmless: Vec<String>,
}

impl ModerationConfig {
    pub fn check(&self, config: &Config) -> Result<()> {
        let task = config.tasks.keys().any(|it| it.as_str() == self.model);
        let model = config.models.get(&self.model).is_some_and(|it| it.engine.is_some());
        match (task, model, self.harmless.is_empty()) {
            (true, _, false) | (false, true, true) => Ok(()),
            (true, _, true) => bail!(
                "`harmless` is missing: name the labels of `{}` that say that nothing is wrong",
                self.model
            ),
            (false, true, false) => bail!(
                "`harmless` names labels of a task, and `{}` is a model; remove it",
                self.model
            ),
            (false, false, _) => bail!(
                "`model` is `{}`, which is no task of [tasks] and no model of [models] with an engine",
                self.model
            ),
        }
    }

    /// As the server takes it.
    pub fn judge(&self) -> Moderation {
        Moderation { model: self.model.clone(), harmless: self.harmless.clone() }
    }
}
