//! From `[engines]` and `[models]` to models that generate, and the rules about what may leave.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use freehold_deidentification::requests::RequestDetector;
use freehold_engines::remote::RemoteEngine;
use freehold_engines::remote::resilience::{Intake, ReplicaOptions, Replicas};
use freehold_gateway::{
    CacheRule, CacheUse, Egress, GenerativeModel, KeptContent, ModelRoute, Moderation, Portfolio,
    RedactionRule,
};
use freehold_vocabulary::egress::{Allow, EgressPolicy};
use freehold_vocabulary::ports::{AttemptLog, ChatEngine, Identifiers};
use freehold_vocabulary::{EngineName, Seed};

use super::semantic;
use crate::config::models::check_name;
use crate::config::{Config, EngineConfig, ModelConfig, ModerationConfig};

/// Models that engines elsewhere serve; set up once, joined to every portfolio.
#[derive(Debug)]
pub struct Generation {
    models: Vec<Arc<GenerativeModel>>,
    egress: Egress,
    moderation: Option<Moderation>,
    routes: Vec<Arc<ModelRoute>>,
    /// Engines with several addresses, of which the freest is to be chosen.
    replicated: Vec<Arc<Replicas>>,
}

impl Generation {
    /// Sets up the engines that models need. Connects to nothing yet.
    pub fn new(config: &Config, seed: Seed, log: &Arc<dyn AttemptLog>) -> Result<Self> {
        let mut engines: BTreeMap<EngineName, Arc<dyn ChatEngine>> = BTreeMap::new();
        let mut models = Vec::new();
        let mut replicated = Vec::new();
        for (name, model) in &config.models {
            let Some(wanted) = &model.engine else { continue };
            check_name(name)?;
            let engine = match engines.get(wanted) {
                Some(engine) => Arc::clone(engine),
                None => {
                    let engine = engine(config, wanted, seed, log)
                        .with_context(|| format!("[models.{name}]"))?;
                    if config.engines[wanted].urls().len() > 1 {
                        replicated.push(Arc::clone(&engine));
                    }
                    let engine: Arc<dyn ChatEngine> = engine;
                    engines.insert(wanted.clone(), Arc::clone(&engine));
                    engine
                }
            };
            models.push(Arc::new(GenerativeModel {
                name: name.clone(),
                engine,
                upstream: model.upstream.clone().unwrap_or_else(|| name.clone()),
                tier: model.tier,
                price: config.prices.model(name),
                data_class: model.data_class,
                cache: CacheRule {
                    usage: match model.cache {
                        None => CacheUse::Deterministic,
                        Some(true) => CacheUse::Always,
                        Some(false) => CacheUse::Never,
                    },
                    semantic: semantic::threshold(config, name)?,
                },
                redaction: redaction(config, name, model)?,
                fallback: model.fallback.clone(),
            }));
        }
        // An operator who gives an engine a clearance states the rule that lets requests out.
        let stated = config.engines.iter().map(|(name, it)| it.clearance(name));
        let allow = stated.map(|clearance| Allow::to_engine(&clearance)).collect();
        let egress = Egress {
            policy: EgressPolicy { allow, limits: config.egress.limits() },
            default_class: config.serve.default_data_class,
            content: match config.serve.trace_content {
                Some(true) => KeptContent::Always,
                Some(false) => KeptContent::Never,
                None => KeptContent::Harmless,
            },
            keys: config.egress.keys(),
            identifiers: config.egress.detectors.detector()?.map(shared),
        };
        let moderation = config.moderation.as_ref().map(ModerationConfig::judge);
        let generation = Self { models, egress, moderation, routes: Vec::new(), replicated };
        // A wrong fallback is told at the start, not when a version is promoted.
        generation.join(Portfolio::default())?;
        Ok(generation)
    }

    /// With these choices between two models.
    pub fn with_routes(self, routes: Vec<Arc<ModelRoute>>) -> Self {
        Self { routes, ..self }
    }

    /// Asks replicas how busy they are.
    pub async fn look_around(&self) {
        for engine in &self.replicated {
            engine.look_around().await;
        }
    }

    /// The portfolio with these models.
    pub fn join(&self, portfolio: Portfolio) -> Result<Portfolio> {
        let portfolio = portfolio.with_moderation(self.moderation.clone());
        let portfolio = portfolio.with_models(&self.models, self.egress.clone())?;
        Ok(portfolio.with_routes(&self.routes)?)
    }
}

/// The domain behind the port.
fn shared(detector: RequestDetector) -> Arc<dyn Identifiers> {
    Arc::new(detector)
}

/// What is taken out of requests to a model; its engine is there.
fn redaction(config: &Config, name: &str, model: &ModelConfig) -> Result<Option<RedactionRule>> {
    let engine = model.engine.as_ref().and_then(|it| config.engines.get(it));
    let rule = engine.map(|engine| model.redaction(engine)).transpose();
    Ok(rule.with_context(|| format!("[models.{name}]"))?.flatten())
}

/// One engine over all its addresses.
fn engine(
    config: &Config,
    name: &EngineName,
    seed: Seed,
    log: &Arc<dyn AttemptLog>,
) -> Result<Arc<Replicas>> {
    let section: &EngineConfig = config.engines.get(name).with_context(|| {
        let known: Vec<&str> = config.engines.keys().map(EngineName::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        format!("there is no [engines.{name}] (engines: {known}); add it")
    })?;
    let options = section.options(name).with_context(|| format!("[engines.{name}]"))?;
    let servers = options.iter().map(|it| -> Result<Arc<dyn ChatEngine>> {
        Ok(Arc::new(RemoteEngine::new(it).with_context(|| format!("[engines.{name}]"))?))
    });
    let servers = servers.collect::<Result<Vec<_>>>()?;
    let replicas = ReplicaOptions {
        hedge_share: section.hedge_share,
        intake: if section.drain { Intake::Drained } else { Intake::Open },
        ..ReplicaOptions::default()
    };
    let replicas = Replicas::new(servers, &replicas, seed.derive(name.as_str()), Arc::clone(log))?;
    Ok(Arc::new(replicas))
}
