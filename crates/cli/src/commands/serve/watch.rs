//! Follows promotions, rollbacks and the configuration file for as long as the server runs.
//!
//! It asks instead of being told: SQLite notifies no other process; its `data_version` and the
//! events of the file system report every write, and a busy server's own feedback and reviews are
//! writes. The question is one look at the end of an index and at a page of text, a few microseconds
//! each `watch_ms`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use freehold_gateway::{App, Portfolio};
use freehold_ledger::Sequence;
use freehold_vocabulary::ports::AttemptLog;
use freehold_vocabulary::{Digest, Seed};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::reload::{ConfigFile, merge};
use crate::config::Config;
use crate::wiring::deployments::Deployments;
use crate::wiring::engines::Generation;
use crate::wiring::policy::{self, TakingEffect};
use crate::wiring::{Session, model_routes, semantic};

/// How many looks lie between two tries to deploy what could not be deployed.
const LOOKS_BETWEEN_TRIES: u32 = 40;

/// What a portfolio is made with.
#[derive(Debug)]
pub struct Making {
    pub app: App,
    pub deployments: Deployments,
    /// Of the engines' choices.
    pub seed: Seed,
}

impl Making {
    /// The engines and rules of a configuration.
    pub fn generation(&self, session: &Session) -> Result<Generation> {
        let log: Arc<dyn AttemptLog> = Arc::new(self.app.clone());
        let generation = Generation::new(&session.config, self.seed, &log)?;
        semantic::connect(&self.app, session, &self.deployments)?;
        Ok(generation.with_routes(model_routes::open(session, &self.deployments)?))
    }

    /// What the aliases say now, with these engines.
    pub fn portfolio(&self, session: &Session, generation: &Generation) -> Result<Portfolio> {
        generation.join(self.deployments.portfolio(session)?)
    }
}

/// See the head of the file.
#[derive(Debug)]
pub struct Watch {
    pub making: Arc<Making>,
    pub session: Arc<Session>,
    /// In force; others follow it too.
    pub generation: watch::Sender<Arc<Generation>>,
    /// The moves that were acted upon, or that could not be.
    pub seen: Sequence,
    pub file: ConfigFile,
    /// Of the configuration in force, as the audit log has it.
    pub digest: Digest,
    /// Tells others of the configuration in force.
    pub current: watch::Sender<Arc<Config>>,
}

impl Watch {
    /// Ends only when the process cannot go on watching.
    pub async fn run(mut self) -> Result<Infallible> {
        let pause = Duration::from_millis(u64::from(self.session.config.serve.watch_ms.get()));
        let mut looks = tokio::time::interval(pause);
        // After a long load the next look is due once, not for every one that was missed.
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut next_try, mut next_reload) = (None, None);
        loop {
            looks.tick().await;
            let reload = due(&mut next_reload);
            if self.file.has_changed(&self.session.config) || reload {
                match self.reload().await {
                    Ok(()) => (next_try, next_reload) = (None, None),
                    Err(error) => {
                        tracing::error!("the configuration stays as it is: {error:#}");
                        // The file may be fine and the ledger not.
                        next_reload = Some(LOOKS_BETWEEN_TRIES);
                    }
                }
                continue;
            }
            let again = due(&mut next_try);
            match self.session.ledger.alias_sequence().await {
                Ok(sequence) if sequence == self.seen && !again => continue,
                // Before the models are loaded: a move in between is then seen as one, not missed.
                Ok(sequence) => self.seen = sequence,
                Err(error) => {
                    tracing::error!("the ledger does not say what is deployed: {error}");
                    continue;
                }
            }
            let generation = Arc::clone(&self.generation.borrow());
            let (making, session) = (self.making.clone(), self.session.clone());
            match blocking(move || making.portfolio(&session, &generation)).await? {
                Ok(portfolio) => {
                    self.deploy(portfolio);
                    next_try = None;
                }
                Err(error) => {
                    tracing::error!("the portfolio stays as it is: {error:#}");
                    next_try = Some(LOOKS_BETWEEN_TRIES);
                }
            }
        }
    }

    /// Reads the file again and lets it take effect as a whole, or not at all.
    async fn reload(&mut self) -> Result<()> {
        let fresh = Config::load(Some(&self.session.config.file))?;
        let merged = merge(&self.session.config, fresh)?;
        let session = Arc::new(self.session.with(merged.config));
        let today = freehold_economics::Day::of(session.now());
        session.config.prices.check_today(today)?;
        let sequence = session.ledger.alias_sequence().await?;
        let (making, used) = (self.making.clone(), session.clone());
        let made = blocking(move || {
            let generation = making.generation(&used)?;
            let portfolio = making.portfolio(&used, &generation)?;
            Ok((generation, portfolio))
        });
        let (generation, portfolio) = made.await??;
        let taking = TakingEffect {
            config: &session.config,
            previous: Some(self.digest.clone()),
            at: session.now(),
            by: "local",
        };
        self.digest = policy::record(session.ledger.as_ref(), &taking).await?;
        (self.session, self.seen) = (session, sequence);
        self.generation.send_replace(Arc::new(generation));
        self.deploy(portfolio);
        let config = Arc::new(self.session.config.clone());
        // Without anybody who listens there is nobody to tell.
        let _ = self.current.send(config);
        tracing::info!("{} was read anew and is in force", self.session.config.file.display());
        if !merged.waiting.is_empty() {
            tracing::warn!(
                "{} changed too and waits for the next start",
                merged.waiting.join(", ")
            );
        }
        Ok(())
    }

    fn deploy(&self, portfolio: Portfolio) {
        tracing::info!("deployed anew: {}", portfolio.model_names().join(", "));
        self.making.app.deploy(portfolio);
    }
}

/// Whether it is time for another try; each look brings it nearer.
fn due(looks_left: &mut Option<u32>) -> bool {
    let Some(left) = looks_left else { return false };
    *left -= 1;
    let due = *left == 0;
    if due {
        *looks_left = None;
    }
    due
}

/// Loads models without holding up the runtime. The outer error is the process's own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Result<T>> {
    tokio::task::spawn_blocking(work).await.context("the deployment was cut short")
}
