//! `freehold serve`: the HTTP server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_artifacts::FolderDepot;
use freehold_economics::Day;
use freehold_gateway::{Access, App, Limits, Parts};
use freehold_ledger::Sequence;
use freehold_traces::{Forgotten, Options, Traces};
use freehold_vocabulary::Seed;
use freehold_vocabulary::ports::AttemptLog;
use tokio::time::MissedTickBehavior;

use crate::clock::SystemClock;
use crate::config::traces::retention_rules;
use crate::output::Form;
use crate::wiring::Session;
use crate::wiring::cache_folder::CacheFolder;
use crate::wiring::deployments::Deployments;
use crate::wiring::engines::Generation;
use crate::wiring::policy::{self, TakingEffect};
use crate::wiring::semantic;

/// Answer requests, until told to stop.
///
/// On loopback without keys everyone may ask; elsewhere a key is required (`freehold keys add`).
/// Promotions and rollbacks take effect while the server runs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Address and port, if not the configured ones. Port 0 takes a free one.
    #[arg(long)]
    bind: Option<SocketAddr>,
}

pub fn run(arguments: &Arguments, session: Session) -> Result<()> {
    start_log(session.form);
    let session = Arc::new(session);
    let bind = arguments.bind.unwrap_or(session.config.serve.bind);
    let keys = session.wait(session.ledger.keys())?;
    let now = session.now();
    let any_key = keys.iter().any(|key| key.is_valid_at(now));
    if !bind.ip().is_loopback() && !any_key {
        bail!(
            "{bind} can be reached from elsewhere and there is no API key; run `freehold keys add NAME` first"
        );
    }
    let today = Day::of(now);
    session.config.prices.check_today(today)?;
    for stale in session.config.prices.stale(today, session.config.economics.price_stale_after_days)
    {
        tracing::warn!("{stale}");
    }
    let access = if any_key { Access::Keys } else { Access::Open };
    let traces = Arc::new(Traces::open(session.traces_folder()?, Options::default())?);
    let mut entropy = [0u8; 8];
    getrandom::fill(&mut entropy).context("the machine gives no randomness")?;
    let seed = Seed(u64::from_le_bytes(entropy));
    let app = App::new(Parts {
        clock: Arc::new(SystemClock),
        ledger: session.ledger.clone(),
        traces: traces.clone(),
        depot: Arc::new(FolderDepot::new(session.depot_folder()?)),
        access,
        limits: limits(&session),
        keeping: session.config.keeping.limits(),
        seed,
    });
    if let Some(folder) = &session.config.cache.folder {
        let folder = session.config.root.join(folder);
        let bytes_max = session.config.cache.folder_bytes_max.get();
        let shelf = CacheFolder::open(&folder, bytes_max)
            .with_context(|| format!("[cache]: folder, which is {}", folder.display()))?;
        app.keep_cache_on(Arc::new(shelf));
    }
    let log: Arc<dyn AttemptLog> = Arc::new(app.clone());
    let generation = Generation::new(&session.config, seed, &log)?;
    let threads = NonZeroUsize::new(session.config.compute.threads())
        .context("there is at least one thread")?;
    let deployments = Deployments::new(threads)?;
    semantic::connect(&app, &session, &deployments)?;
    // Read before the portfolio is built: a move in between is then seen as one, not missed.
    let seen = session.wait(session.ledger.alias_sequence())?;
    let portfolio = generation.join(deployments.portfolio(&session)?)?;
    if portfolio.is_empty() {
        tracing::warn!("nothing is deployed yet; `freehold models promote` takes effect at once");
    }
    let taking =
        TakingEffect { config: &session.config, previous: None, at: session.now(), by: "local" };
    session.wait(policy::record(session.ledger.as_ref(), &taking))?;
    let named = |name: &&String| !keys.iter().any(|key| key.name.as_str() == name.as_str());
    for name in session.config.egress.keys.keys().filter(named) {
        tracing::warn!(
            "[egress.keys.{name}]: there is no key of that name; `freehold keys add {name}` makes one"
        );
    }
    tracing::info!("deployed: {}", portfolio.model_names().join(", "));
    app.deploy(portfolio);
    let watch = Watch { session: session.clone(), app: app.clone(), deployments, generation, seen };
    let drained = session.runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind(bind)
            .await
            .with_context(|| format!("{bind} cannot be bound"))?;
        let address = listener.local_addr()?;
        // The one line that scripts wait for.
        println!("listening on http://{address}");
        tokio::select! {
            served = freehold_gateway::serve(listener, app, stop()) => served.context("the server broke"),
            failed = watch.run() => failed.map(|never| match never {}),
            never = compact_by_age(&session, &traces) => match never {},
            never = forget_by_rule(&session, &traces) => match never {},
        }
    })?;
    tracing::info!("stopped: {drained:?}");
    // Every answer is durable in the log already, so a failure here loses nothing.
    if let Err(error) = session.wait(traces.compact()) {
        tracing::warn!("the newest traces stay in the log: {error}");
    }
    Ok(())
}

fn limits(session: &Session) -> Limits {
    let serve = &session.config.serve;
    Limits {
        body_bytes_max: serve.body_bytes_max,
        batch_max: serve.batch_max,
        text_bytes_max: serve.text_bytes_max,
        in_flight_max: serve.in_flight_max,
        drain_timeout: Duration::from_millis(u64::from(serve.drain_ms.get())),
        cache: session.config.cache.limits(),
        ..Limits::default()
    }
}

/// How many looks lie between two tries to deploy what could not be deployed.
const LOOKS_BETWEEN_TRIES: u32 = 40;

/// Follows the aliases of the ledger for as long as the server runs.
///
/// It asks instead of being told: SQLite notifies no other process; its `data_version` and the
/// events of the file system report every write, and a busy server's own feedback and reviews are
/// writes. The question is one look at the end of an index, a few microseconds each `watch_ms`.
struct Watch {
    session: Arc<Session>,
    app: App,
    deployments: Deployments,
    generation: Generation,
    /// The moves that were acted upon, or that could not be.
    seen: Sequence,
}

impl Watch {
    /// Ends only when the process cannot go on watching.
    async fn run(self) -> Result<Infallible> {
        let Self { session, app, deployments, generation, mut seen } = self;
        let deployments = Arc::new(deployments);
        let pause = Duration::from_millis(u64::from(session.config.serve.watch_ms.get()));
        let mut looks = tokio::time::interval(pause);
        // After a long load the next look is due once, not for every one that was missed.
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_try = None;
        loop {
            looks.tick().await;
            let sequence = match session.ledger.alias_sequence().await {
                Ok(sequence) => sequence,
                Err(error) => {
                    tracing::error!("the ledger does not say what is deployed: {error}");
                    continue;
                }
            };
            let again = next_try.as_mut().is_some_and(|left: &mut u32| {
                *left -= 1;
                *left == 0
            });
            if sequence == seen && !again {
                continue;
            }
            // Before the models are loaded: a move in between is then seen as one, not missed.
            seen = sequence;
            let loading = (deployments.clone(), session.clone());
            let loaded = tokio::task::spawn_blocking(move || loading.0.portfolio(&loading.1));
            let loaded = loaded.await.context("the deployment was cut short")?;
            match loaded.and_then(|portfolio| generation.join(portfolio)) {
                Ok(portfolio) => {
                    tracing::info!("deployed anew: {}", portfolio.model_names().join(", "));
                    app.deploy(portfolio);
                    next_try = None;
                }
                Err(error) => {
                    tracing::error!("the portfolio stays as it is: {error:#}");
                    next_try = Some(LOOKS_BETWEEN_TRIES);
                }
            }
        }
    }
}

/// Turns the log into Parquet every `traces.compact_after_s`, so that nothing stays in it for longer.
/// What fails is said by the log's own thread and tried again the next time.
async fn compact_by_age(session: &Session, traces: &Traces) -> Infallible {
    let age = Duration::from_secs(u64::from(session.config.traces.compact_after_s.get()));
    let mut due = tokio::time::interval(age);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        if traces.status().traces_in_log > 0 {
            let _said_already = traces.compact().await;
        }
    }
}

/// How often a server forgets what has become due: days are counted, so an hour is soon enough.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Forgets texts and traces by the rules of the configuration, at the start and every hour.
async fn forget_by_rule(session: &Session, traces: &Traces) -> Infallible {
    let rules = retention_rules(&session.config);
    if rules.keep_everything() {
        return std::future::pending().await;
    }
    let mut due = tokio::time::interval(FORGET_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        match traces.forget(rules.clone(), session.now()).await {
            Ok(done) if done == Forgotten::default() => {}
            Ok(done) => tracing::info!(
                "forgot by rule: {} traces, and the texts of {} more",
                done.removed,
                done.emptied
            ),
            Err(error) => {
                tracing::error!("nothing was forgotten: {error}; trying again in an hour")
            }
        }
    }
}

/// Interrupt or termination.
async fn stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { () = interrupt => {}, () = terminate => {} }
}

fn start_log(form: Form) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("FREEHOLD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match form {
        Form::Json => builder.json().init(),
        Form::Human => builder.init(),
    }
}
