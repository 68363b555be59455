//! What every handler shares: the portfolio, the ports and the limits.
//!
//! Reads no configuration and opens nothing: the binary builds the parts and passes them in.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use freehold_ledger::Ledger;
use freehold_vocabulary::chat::Attempt;
use freehold_vocabulary::ports::{AttemptLog, Depot, Embedder, TraceLog};
use freehold_vocabulary::{Clock, RouteRecord, Seed, Task};
use tokio::sync::Semaphore;

use crate::batch::run::Waiting;
use crate::budget::Meter;
use crate::caches::{CacheLimits, CacheShelf, Caches};
use crate::depot::Keeping;
use crate::error::ApiError;
use crate::generation::choice::Choice;
use crate::generation::conversation::Conversations;
use crate::ids::Ids;
use crate::layers::auth::KnownKeys;
use crate::metrics::{Metrics, ModelCounters, TaskCounters};
use crate::portfolio::{Deployed, Egress, GenerativeModel, Portfolio};
use crate::walk::Bill;

/// What the binary passes in.
#[derive(Debug)]
pub struct Parts {
    pub clock: Arc<dyn Clock>,
    pub ledger: Arc<dyn Ledger>,
    pub traces: Arc<dyn TraceLog>,
    pub depot: Arc<dyn Depot>,
    pub access: Access,
    pub limits: Limits,
    pub keeping: Keeping,
    /// Where trace ids begin; must differ between processes.
    pub seed: Seed,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone who reaches the socket: only for loopback without keys.
    Open,
    /// Whoever presents a valid key of the ledger.
    Keys,
}

/// The bounds on what comes from outside.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest body in bytes; beyond it the answer is 413.
    pub body_bytes_max: NonZeroUsize,
    /// Inputs of one batch.
    pub batch_max: NonZeroUsize,
    /// Largest text in bytes; it is refused, never truncated.
    pub text_bytes_max: NonZeroUsize,
    /// Requests being answered before the next gets 429.
    pub in_flight_max: NonZeroUsize,
    /// Connections; the next waits in the listen queue.
    pub connections_max: NonZeroUsize,
    /// How long a connection may be silent and a request's head may take to arrive. Longer than
    /// the usual load balancer keeps a connection, so that it is the one to close it.
    pub header_timeout: Duration,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long the tiers may take together.
    pub answer_timeout: Duration,
    /// How long requests in flight get to finish once the server stops.
    pub drain_timeout: Duration,
    /// How many answers are kept to be given again.
    pub cache: CacheLimits,
    /// How long keys that were known are still let in while the ledger does not answer. Limits of
    /// use hold meanwhile: what was drawn of them is all there is.
    pub ledger_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let at_least_one = |n: usize| NonZeroUsize::new(n).expect("every default is positive");
        Self {
            body_bytes_max: at_least_one(4 << 20),
            batch_max: at_least_one(512),
            text_bytes_max: at_least_one(64 << 10),
            in_flight_max: at_least_one(256),
            connections_max: at_least_one(4096),
            header_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(25),
            cache: CacheLimits::default(),
            ledger_grace: Duration::ZERO,
        }
    }
}

/// The server's shared state; a clone is a pointer.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

/// What an [`App`] points to; other crates cannot name it.
#[derive(Debug)]
pub struct Inner {
    pub(crate) parts: Parts,
    pub(crate) metrics: Metrics,
    pub(crate) ids: Ids,
    pub(crate) caches: Caches,
    pub(crate) known_keys: KnownKeys,
    pub(crate) conversations: Conversations,
    pub(crate) meter: Meter,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) batches: Waiting,
    serving: ArcSwap<Serving>,
    draining: AtomicBool,
}

/// A portfolio with the counters of its tasks, swapped as one.
#[derive(Debug)]
struct Serving {
    portfolio: Arc<Portfolio>,
    counters: HashMap<String, Arc<TaskCounters>>,
    models: HashMap<String, Arc<ModelCounters>>,
}

/// What a client means by a model.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Task(Served),
    Model(Offer),
}

/// A generating model and those that stand in for it, for the length of one request.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// Never empty.
    pub(crate) chain: Vec<Offered>,
    pub(crate) egress: Arc<Egress>,
    /// What was decided before a model is asked.
    pub(crate) route: Box<RouteRecord>,
    /// Where the cost is told, if anybody sums it up.
    pub(crate) bill: Option<Bill>,
    /// What is still to be decided; until then `chain` is that of the strong model.
    pub(crate) choice: Option<Choice>,
}

impl Offer {
    /// As a task's route asks: the task says how sensitive the text is, and sums up the cost. Nobody
    /// stands in: what counts is what was proved of this model.
    pub(crate) fn on_behalf_of(mut self, task: &Task, bill: Bill) -> Self {
        self.chain.truncate(1);
        let egress = Egress { default_class: task.data_class, ..(*self.egress).clone() };
        let mut route = self.route;
        route.task = Some(task.name.clone());
        Self { egress: Arc::new(egress), route, bill: Some(bill), ..self }
    }
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub(crate) model: Arc<GenerativeModel>,
    pub(crate) counters: Arc<ModelCounters>,
}

/// A deployed task for the length of one request, whatever is promoted meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) deployed: Arc<Deployed>,
    pub(crate) counters: Arc<TaskCounters>,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// An app that serves nothing yet; see [`App::deploy`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let permits = Arc::new(Semaphore::new(parts.limits.in_flight_max.get()));
        let nothing =
            Serving { portfolio: Arc::default(), counters: HashMap::new(), models: HashMap::new() };
        Self(Arc::new(Inner {
            ids: Ids::new(parts.seed),
            caches: Caches::new(parts.limits.cache),
            meter: Meter::new(parts.seed),
            parts,
            metrics: Metrics::new(),
            known_keys: KnownKeys::default(),
            conversations: Conversations::default(),
            permits,
            batches: Waiting::default(),
            serving: ArcSwap::from_pointee(nothing),
            draining: AtomicBool::new(false),
        }))
    }

    /// Keeps answers there too, where the rule on kept content lets it. The first shelf stays.
    pub fn keep_cache_on(&self, shelf: Arc<dyn CacheShelf>) {
        self.caches.keep_on(shelf);
    }

    /// Compares questions with this embedder, for models that have a certified threshold. A longer
    /// text than `text_bytes_max` is not compared. The first embedder stays.
    pub fn compare_questions_with(&self, embedder: Arc<dyn Embedder>, text_bytes_max: usize) {
        self.caches.compare_with(embedder, text_bytes_max);
    }

    /// Serves this portfolio from the next request on; those in flight finish with the old one.
    pub fn deploy(&self, portfolio: Portfolio) {
        let names = portfolio.names();
        let counters = names.into_iter().map(|name| {
            let counters = self.metrics.task(&name);
            (name, counters)
        });
        let counters = counters.collect();
        let models = portfolio.models().map(|it| {
            let counters = self.metrics.model(&it.name, it.engine.card().name().as_str());
            (it.name.clone(), counters)
        });
        let models = models.collect();
        let portfolio = Arc::new(portfolio);
        self.serving.store(Arc::new(Serving { portfolio, counters, models }));
    }

    /// What is served now.
    #[must_use]
    pub fn portfolio(&self) -> Arc<Portfolio> {
        self.serving.load().portfolio.clone()
    }
}

/// Counts what engines were asked, retries included.
impl AttemptLog for App {
    fn record(&self, attempt: Attempt) {
        self.metrics.attempt(&attempt);
        crate::generation::attempts::tell(&attempt);
    }
}

impl Inner {
    /// The task or `task@alias` of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Served> {
        let serving = self.serving.load();
        let deployed = serving.portfolio.find(name)?.clone();
        let counters = serving.counters.get(name)?.clone();
        Some(Served { deployed, counters })
    }

    /// The task of that name, or an error that lists what is deployed.
    pub(crate) fn task(&self, task: &str) -> Result<Served, ApiError> {
        self.find(task).ok_or_else(|| ApiError::UnknownTask {
            task: shown(task),
            deployed: self.serving.load().portfolio.names(),
        })
    }

    /// What a client calls a model: a task, an alias of one, or a model that generates.
    pub(crate) fn model(&self, model: &str) -> Result<Target, ApiError> {
        if let Some(served) = self.find(model) {
            return Ok(Target::Task(served));
        }
        let offer = self.offer(model).ok_or_else(|| ApiError::UnknownModel {
            model: shown(model),
            deployed: self.serving.load().portfolio.model_names(),
        })?;
        Ok(Target::Model(offer))
    }

    /// A model that generates, for endpoints at which a task makes no sense.
    pub(crate) fn generator(&self, model: &str, endpoint: &'static str) -> Result<Offer, ApiError> {
        match self.model(model)? {
            Target::Model(offer) => Ok(offer),
            Target::Task(_) => {
                let message =
                    format!("`{}` is a task, which does not answer {endpoint}", shown(model));
                Err(ApiError::invalid_field("model", message))
            }
        }
    }

    /// The generating model of that name.
    pub(crate) fn offer(&self, name: &str) -> Option<Offer> {
        let serving = self.serving.load();
        let chain = |name: &str| {
            let chain = serving.portfolio.chain(name)?.iter().map(|model| {
                let counters = serving.models.get(&model.name)?.clone();
                Some(Offered { model: model.clone(), counters })
            });
            chain.collect::<Option<Vec<_>>>()
        };
        let choice = match serving.portfolio.route(name) {
            None => None,
            Some(route) => {
                let (weak, strong) = (chain(&route.weak)?, chain(&route.strong)?);
                Some(Choice { route: route.clone(), weak, strong })
            }
        };
        let chain = match &choice {
            Some(choice) => choice.strong.clone(),
            None => chain(name)?,
        };
        let egress = serving.portfolio.egress().clone();
        Some(Offer { chain, egress, route: Box::default(), bill: None, choice })
    }

    /// From now on `/readyz` says that the server is about to stop.
    pub(crate) fn begin_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.batches.wake();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// A client's word, cut to what fits an error message.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
