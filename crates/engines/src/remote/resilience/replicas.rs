//! One engine that runs in several places: retries, choice of the place, rest for the broken,
//! and a limit on what is asked at once.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use freehold_vocabulary::chat::{
    ChatError, ChatRequest, Delivery, EmbeddingsAnswer, EmbeddingsInput, EmbeddingsRequest,
    ModerationAnswer, ModerationRequest,
};
use freehold_vocabulary::egress::Cleared;
use freehold_vocabulary::ports::{
    AttemptLog, ChatEngine, ChatEngineCard, ChatStream, Health, OfferedModel, Resuming,
};
use freehold_vocabulary::{Random, Seed};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Either};
use tokio::time::Instant;

use super::choose::choose;
use super::concurrency::Concurrency;
use super::ejection::{Admission, EjectionPolicy, Standing};
use super::ewma::PeakEwma;
use super::hedge::Hedge;
use super::metered::{Trial, Verdict, settle};
use super::retry::{Decision, RetryBudget, RetryPolicy};

/// How replicas are used.
#[derive(Debug, Clone)]
pub struct ReplicaOptions {
    pub retry: RetryPolicy,
    pub budget: RetryBudget,
    pub ejection: EjectionPolicy,
    /// Requests under way at one replica: at first, at least, at most.
    pub in_flight: (u32, u32, u32),
    /// How fast a replica's slowness is forgotten.
    pub decay: Duration,
    /// The share of requests that may be asked of a second replica while the first thinks.
    pub hedge_share: f64,
    pub intake: Intake,
}

/// Whether an engine takes new requests. Those under way always finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    Open,
    /// The operator is taking it out of service.
    Drained,
}

impl Default for ReplicaOptions {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            budget: RetryBudget::default(),
            ejection: EjectionPolicy::default(),
            in_flight: (64, 4, 1024),
            decay: Duration::from_secs(10),
            hedge_share: 0.0,
            intake: Intake::Open,
        }
    }
}

/// Several servers under one name and one clearance; they are one engine to everybody else.
pub struct Replicas {
    engines: Vec<Arc<dyn ChatEngine>>,
    retry: RetryPolicy,
    intake: Intake,
    shared: Arc<Shared>,
    log: Arc<dyn AttemptLog>,
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replicas").field("engines", &self.engines).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Shared {
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Random,
    budget: RetryBudget,
    hedge: Hedge,
    replicas: Vec<Replica>,
}

#[derive(Debug)]
struct Replica {
    slowness: PeakEwma,
    standing: Standing,
    concurrency: Concurrency,
    /// Requests that the server says it has, when it was last asked.
    stated: u32,
}

/// Replicas that are not one engine.
#[derive(Debug, thiserror::Error)]
#[error("replicas must share name, clearance, region and owner, and there must be one")]
pub struct NotOneEngine;

impl Replicas {
    /// Joins the servers of one engine.
    ///
    /// # Errors
    /// When there is none, or they differ in what they may be told.
    pub fn new(
        engines: Vec<Arc<dyn ChatEngine>>,
        options: &ReplicaOptions,
        seed: Seed,
        log: Arc<dyn AttemptLog>,
    ) -> Result<Self, NotOneEngine> {
        let first = engines.first().ok_or(NotOneEngine)?.card().clearance.clone();
        if engines.iter().any(|it| it.card().clearance != first) {
            return Err(NotOneEngine);
        }
        let (start, min, max) = options.in_flight;
        let replica = |_: &Arc<dyn ChatEngine>| Replica {
            slowness: PeakEwma::new(Duration::from_millis(100), options.decay),
            standing: Standing::new(options.ejection),
            concurrency: Concurrency::new(start, min, max),
            stated: 0,
        };
        let state = State {
            random: Random::new(seed),
            budget: options.budget.clone(),
            hedge: Hedge::new(options.hedge_share),
            replicas: engines.iter().map(replica).collect(),
        };
        let shared = Arc::new(Shared { begun: Instant::now(), state: Mutex::new(state) });
        let ReplicaOptions { retry, intake, .. } = *options;
        Ok(Self { engines, retry, intake, shared, log })
    }

    /// Asks every server how busy it is, so that requests of others count when one is chosen.
    pub async fn look_around(&self) {
        for (at, engine) in self.engines.iter().enumerate() {
            // A server that does not say is judged by what we know ourselves.
            let load = engine.load().await.ok().flatten().unwrap_or_default();
            self.shared.lock().replicas[at].stated = load.running.saturating_add(load.waiting);
        }
    }

    /// Tries until an answer has begun (or, if it is wanted whole, has ended) or hope is gone.
    async fn tried<T>(
        &self,
        one: impl Fn(Arc<dyn ChatEngine>, Trial) -> BoxFuture<'static, Result<T, ChatError>>
        + Send
        + Sync,
        model: &str,
        input_bytes: u64,
    ) -> Result<T, ChatError> {
        if self.intake == Intake::Drained {
            let (engine, reason) = (self.card().name().clone(), "it is being drained".to_owned());
            return Err(ChatError::NotAsked { engine, reason, retry_after: None });
        }
        {
            let State { budget, hedge, .. } = &mut *self.shared.lock();
            budget.deposit();
            hedge.deposit();
        }
        let begin = |at: usize| {
            let shared = Arc::clone(&self.shared);
            let on_end = Box::new(move |verdict, took| shared.ended(at, verdict, took));
            let (name, log) = (self.card().name().clone(), Arc::clone(&self.log));
            let trial = Trial::begin(name, model.to_owned(), input_bytes, log, on_end);
            one(Arc::clone(&self.engines[at]), trial)
        };
        let mut failed = Vec::new();
        loop {
            let at = self.pick(&failed)?;
            let error = match self.hedged(at, &begin, &mut failed).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let decision = {
                let State { random, budget, .. } = &mut *self.shared.lock();
                self.retry.decide(failed.len() as u32, &error, budget, random)
            };
            match decision {
                Decision::Again(pause) => tokio::time::sleep(pause).await,
                Decision::GiveUp => return Err(error),
            }
        }
    }

    /// Asks a replica, and a second one if the first thinks for long. The first to begin an
    /// answer wins; the other is dropped, which stops its work and counts what it took.
    async fn hedged<T>(
        &self,
        at: usize,
        begin: &(impl Fn(usize) -> BoxFuture<'static, Result<T, ChatError>> + Send + Sync),
        failed: &mut Vec<usize>,
    ) -> Result<T, ChatError> {
        let mut first = begin(at);
        failed.push(at);
        let patience = self.shared.lock().hedge.patience().filter(|_| self.engines.len() > 1);
        let Some(patience) = patience else { return first.await };
        if let Ok(answer) = tokio::time::timeout(patience, &mut first).await {
            return answer;
        }
        if !self.shared.lock().hedge.withdraw() {
            return first.await;
        }
        // Asking the same one again would help nobody.
        let other = match self.pick(failed) {
            Ok(other) if !failed.contains(&other) => other,
            Ok(same) => {
                self.shared.ended(same, Verdict::None, Duration::ZERO);
                return first.await;
            }
            Err(_) => return first.await,
        };
        failed.push(other);
        match futures::future::select(first, begin(other)).await {
            Either::Left((Ok(answer), _)) | Either::Right((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(_), rest)) | Either::Right((Err(_), rest)) => rest.await,
        }
    }

    /// The replica to ask, with its place taken. One that has just failed is asked again only
    /// if there is no other.
    fn pick(&self, failed: &[usize]) -> Result<usize, ChatError> {
        let now = self.shared.begun.elapsed();
        let mut state = self.shared.lock();
        let mut soonest: Option<Duration> = None;
        let mut costs: Vec<Option<f64>> = Vec::new();
        for replica in &state.replicas {
            let open = match replica.standing.admission(now) {
                Admission::Open | Admission::Probe => true,
                Admission::Closed(rest) => {
                    soonest = Some(soonest.map_or(rest, |it| it.min(rest)));
                    false
                }
            };
            let free = open && replica.concurrency.has_room();
            let in_flight = replica.concurrency.in_flight().max(replica.stated);
            costs.push(free.then(|| replica.slowness.cost(now, in_flight)));
        }
        let mut fresh = costs.clone();
        failed.iter().for_each(|at| fresh[*at] = None);
        let chosen = choose(&fresh, &mut state.random);
        let chosen = chosen.or_else(|| choose(&costs, &mut state.random));
        let Some(at) = chosen else {
            let reason = match soonest {
                Some(_) => "it failed too often and rests",
                None => "as much as it may have is under way",
            };
            let (engine, reason) = (self.card().name().clone(), reason.to_owned());
            return Err(ChatError::NotAsked { engine, reason, retry_after: soonest });
        };
        state.replicas[at].standing.asked(now);
        state.replicas[at].concurrency.begin();
        Ok(at)
    }
}

impl Shared {
    /// A panic elsewhere leaves counts that are at worst off by one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self, at: usize, verdict: Verdict, took: Duration) {
        let now = self.begun.elapsed();
        let state = &mut *self.lock();
        let replica = &mut state.replicas[at];
        match verdict {
            Verdict::Good => {
                replica.concurrency.succeeded();
                replica.standing.succeeded();
                replica.slowness.observe(now, took);
                state.hedge.observe(took);
            }
            Verdict::Overloaded => {
                replica.concurrency.overloaded();
                replica.standing.abandoned(now);
            }
            Verdict::Broken => {
                replica.concurrency.overloaded();
                replica.standing.failed(now);
                replica.slowness.observe(now, took);
            }
            Verdict::None => {
                replica.concurrency.end();
                replica.standing.abandoned(now);
            }
        }
    }
}

async fn chat_once(
    engine: Arc<dyn ChatEngine>,
    request: Cleared<ChatRequest>,
    trial: Trial,
    delivery: Delivery,
) -> Result<ChatStream, ChatError> {
    match engine.chat(request).await {
        Ok(stream) => settle(stream, trial, delivery).await,
        Err(error) => {
            trial.failed(&error);
            Err(error)
        }
    }
}

async fn embed_once(
    engine: Arc<dyn ChatEngine>,
    request: Cleared<EmbeddingsRequest>,
    trial: Trial,
) -> Result<EmbeddingsAnswer, ChatError> {
    match engine.embed(request).await {
        Ok(answer) => {
            trial.answered(answer.usage);
            Ok(answer)
        }
        Err(error) => {
            trial.failed(&error);
            Err(error)
        }
    }
}

async fn moderate_once(
    engine: Arc<dyn ChatEngine>,
    request: Cleared<ModerationRequest>,
    trial: Trial,
) -> Result<ModerationAnswer, ChatError> {
    match engine.moderate(request).await {
        Ok(answer) => {
            // Nobody counts the tokens of a judgement.
            trial.answered(None);
            Ok(answer)
        }
        Err(error) => {
            trial.failed(&error);
            Err(error)
        }
    }
}

#[async_trait]
impl ChatEngine for Replicas {
    fn card(&self) -> &ChatEngineCard {
        self.engines[0].card()
    }

    async fn chat(&self, request: Cleared<ChatRequest>) -> Result<ChatStream, ChatError> {
        let asked = request.open(&self.card().clearance)?;
        let (delivery, mut bytes) = (asked.delivery, 0);
        asked.each_text(&mut |it| bytes += it.len() as u64);
        let cleared = request.clone();
        let one = move |engine: Arc<dyn ChatEngine>, trial: Trial| {
            chat_once(engine, cleared.clone(), trial, delivery).boxed()
        };
        self.tried(one, &asked.model, bytes).await
    }

    async fn embed(
        &self,
        request: Cleared<EmbeddingsRequest>,
    ) -> Result<EmbeddingsAnswer, ChatError> {
        let asked = request.open(&self.card().clearance)?;
        let bytes = asked.inputs.iter().map(|it| match it {
            EmbeddingsInput::Text(text) => text.len() as u64,
            EmbeddingsInput::Tokens(tokens) => 4 * tokens.len() as u64,
        });
        let bytes = bytes.sum();
        let cleared = request.clone();
        let one = move |engine: Arc<dyn ChatEngine>, trial: Trial| {
            embed_once(engine, cleared.clone(), trial).boxed()
        };
        self.tried(one, &asked.model, bytes).await
    }

    async fn moderate(
        &self,
        request: Cleared<ModerationRequest>,
    ) -> Result<ModerationAnswer, ChatError> {
        let asked = request.open(&self.card().clearance)?;
        let mut bytes = 0;
        asked.each_text(&mut |it| bytes += it.len() as u64);
        let cleared = request.clone();
        let one = move |engine: Arc<dyn ChatEngine>, trial: Trial| {
            moderate_once(engine, cleared.clone(), trial).boxed()
        };
        self.tried(one, &asked.model, bytes).await
    }

    fn resumes(&self) -> Resuming {
        self.engines[0].resumes()
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, ChatError> {
        let mut error = None;
        for engine in &self.engines {
            match engine.models().await {
                Ok(models) => return Ok(models),
                Err(it) => error = Some(it),
            }
        }
        Err(error.expect("there is a replica"))
    }

    /// Healthy if one is.
    async fn health(&self) -> Result<Health, ChatError> {
        let mut error = None;
        for engine in &self.engines {
            match engine.health().await {
                Ok(health) => return Ok(health),
                Err(it) => error = Some(it),
            }
        }
        Err(error.expect("there is a replica"))
    }
}
