//! From aliases to a portfolio that takes traffic.
//!
//! Engines are kept by digest, so that a promotion loads only what is new and a rollback loads
//! nothing.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result};
use freehold_engines::{BaseCache, LocalEngine, LocalLimits, LocalOptions, WorkerPool};
use freehold_gateway::{Deployed, DeployedTier, Portfolio};
use freehold_ledger::AliasMove;
use freehold_routing::TierPolicy;
use freehold_vocabulary::ports::{Classifier, Embedder, EngineCard};
use freehold_vocabulary::{AliasName, Digest, Task, TaskName, Timestamp};

use super::Session;
use super::models::{Found, Place, in_its_place, options, same_task};
use crate::config::TaskConfig;

/// Engines in memory, by the digest of their version.
#[derive(Debug)]
pub struct Deployments {
    pool: Arc<WorkerPool>,
    bases: BaseCache,
    loaded: Mutex<HashMap<Digest, Loaded>>,
    embedder: OnceLock<Arc<dyn Embedder>>,
}

#[derive(Debug, Clone)]
struct Loaded {
    engine: Arc<LocalEngine>,
    policy: Arc<TierPolicy>,
}

impl Deployments {
    /// Nothing loaded yet; models will compute on that many threads.
    pub fn new(threads: NonZeroUsize) -> Result<Self> {
        let pool =
            WorkerPool::start(threads).context("the system gives no thread to compute with")?;
        Ok(Self {
            pool,
            bases: BaseCache::default(),
            loaded: Mutex::default(),
            embedder: OnceLock::new(),
        })
    }

    /// The portfolio's embedder, loaded when it is first asked for.
    pub fn embedder(&self, session: &Session) -> Result<Arc<dyn Embedder>> {
        if let Some(embedder) = self.embedder.get() {
            return Ok(embedder.clone());
        }
        let embedder = super::embedding::open(session, self.pool.clone(), &self.bases)?;
        Ok(self.embedder.get_or_init(|| embedder).clone())
    }

    /// What the aliases say now: for each task its route, and each of its aliases alone. A task
    /// whose aliases point at nothing yet is left out, with a line in the log; a version of a route
    /// that cannot be loaded is an error, and nothing changes.
    pub fn portfolio(&self, session: &Session) -> Result<Portfolio> {
        let mut deployed = Vec::new();
        let mut used = Vec::new();
        for (name, config) in &session.config.tasks {
            if let Some(it) = self.route(session, name, config, &mut used)? {
                deployed.push(it);
                deployed.extend(self.alone(session, name, config, &mut used)?);
            }
        }
        let portfolio = Portfolio::new(deployed)?;
        // The version that was replaced last stays loaded: a rollback must be instant.
        let previous = self.previous(session)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|digest, _| used.contains(digest) || previous.contains(digest));
        Ok(portfolio)
    }

    fn route(
        &self,
        session: &Session,
        name: &TaskName,
        config: &TaskConfig,
        used: &mut Vec<Digest>,
    ) -> Result<Option<Deployed>> {
        let mut tiers = Vec::new();
        let mut before = Vec::new();
        let mut since = Timestamp::from_micros(0);
        for alias in config.aliases()? {
            let Some((digest, current)) = target(session, name, &alias)? else {
                tracing::warn!(task.name = %name, "{name}@{alias} points at nothing; the tier is left out");
                continue;
            };
            let loaded = self
                .load(session, &digest, &config.task(name))
                .with_context(|| format!("{name}@{alias}"))?;
            since = since.max(current.at);
            used.push(digest);
            let (policy, place) = in_its_place((*loaded.policy).clone(), &mut before);
            if place == Place::Wrong {
                tracing::warn!(
                    task.name = %name,
                    "the certificate of {name}@{alias} was made behind other tiers and lapses; run `freehold calibrate` over the whole route"
                );
            }
            tiers.push(DeployedTier { engine: loaded.engine, policy: Arc::new(policy) });
        }
        if tiers.is_empty() {
            return Ok(None);
        }
        let deployed = Deployed::new(config.task(name), tiers, since)?;
        Ok(Some(match session.remote_tiers(config)? {
            Some(remote) => deployed.with_remote(remote),
            None => deployed,
        }))
    }

    /// The aliases of the route, each one alone, and those beside the route. One beside the route
    /// that cannot be loaded is left out with a line in the log: a broken candidate must not keep
    /// the route from being served.
    fn alone(
        &self,
        session: &Session,
        name: &TaskName,
        config: &TaskConfig,
        used: &mut Vec<Digest>,
    ) -> Result<Vec<Deployed>> {
        let task = config.task(name);
        let mut deployed = Vec::new();
        let own = config.aliases()?;
        for alias in own.iter().chain(&config.aliases_alone()?) {
            let Some((digest, current)) = target(session, name, alias)? else { continue };
            let loaded = match self.load(session, &digest, &task) {
                Ok(loaded) => loaded,
                Err(error) if own.contains(alias) => return Err(error),
                Err(error) => {
                    tracing::error!(task.name = %name, "{name}@{alias} is left out: {error:#}");
                    continue;
                }
            };
            used.push(digest);
            // A certificate that was earned behind other tiers says nothing about all requests.
            let (policy, _) = in_its_place((*loaded.policy).clone(), &mut Vec::new());
            let tier = DeployedTier { engine: loaded.engine, policy: Arc::new(policy) };
            deployed.push(Deployed::alone(task.clone(), alias.clone(), tier, current.at)?);
        }
        Ok(deployed)
    }

    fn load(&self, session: &Session, digest: &Digest, task: &Task) -> Result<Loaded> {
        if let Some(loaded) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(digest)
        {
            return Ok(loaded.clone());
        }
        let found = session.version(digest.hex())?;
        same_task(&found, &task.name)?;
        let classifier = self.classifier(session, &found)?;
        let policy = session.policy(digest)?.unwrap_or_else(|| {
            TierPolicy::uncalibrated(found.version.mode, found.version.labels.len())
        });
        let card = EngineCard {
            name: format!("{}/{}", task.name, digest.short()),
            tier: found.version.family.tier(),
            version: digest.clone(),
            labels: found.version.labels.clone(),
        };
        let options = LocalOptions { pool: self.pool.clone(), limits: LocalLimits::default() };
        let loaded = Loaded {
            engine: LocalEngine::start(card, classifier, options),
            policy: Arc::new(policy),
        };
        self.loaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(digest.clone(), loaded.clone());
        Ok(loaded)
    }

    /// One task alone gets its adapter merged into the base, which is fastest; several share the
    /// base's weights in memory.
    fn classifier(&self, session: &Session, found: &Found) -> Result<Arc<dyn Classifier>> {
        let precision = session.config.serve.precision;
        let shares = session.config.tasks.len() > 1;
        let (Some(base), Some(folder)) =
            (&found.version.lineage.base, session.adapter_folder(found)?.filter(|_| shares))
        else {
            return session.classifier(found, precision);
        };
        let shared = self.bases.get(base, &session.store.materialise(base)?, options(precision))?;
        Ok(Arc::new(shared.classifier(
            &folder,
            found.version.labels.clone(),
            found.version.mode,
        )?))
    }

    fn previous(&self, session: &Session) -> Result<Vec<Digest>> {
        let mut previous = Vec::new();
        for (name, config) in &session.config.tasks {
            for alias in config.aliases()?.into_iter().chain(config.aliases_alone()?) {
                let history = session.wait(session.ledger.alias_history(name, &alias))?;
                previous.extend(freehold_ledger::previous_target(&history));
            }
        }
        Ok(previous)
    }
}

/// What an alias points at, and since when; none when it points at nothing.
fn target(
    session: &Session,
    task: &TaskName,
    alias: &AliasName,
) -> Result<Option<(Digest, AliasMove)>> {
    let current = session.wait(session.ledger.current_alias(task, alias))?;
    Ok(current.and_then(|it| it.to.clone().map(|digest| (digest, it))))
}
