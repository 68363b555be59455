//! `freehold serve`: the HTTP server.

mod reload;
mod watch;

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
use freehold_ledger::Key;
use freehold_traces::{Forgotten, Options, Traces};
use freehold_vocabulary::Seed;
use tokio::sync::watch as channel;
use tokio::time::MissedTickBehavior;

use reload::ConfigFile;
use watch::{Making, Watch};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::config::traces::retention_rules;
use crate::output::Form;
use crate::wiring::Session;
use crate::wiring::cache_folder::CacheFolder;
use crate::wiring::deployments::Deployments;
use crate::wiring::engines::Generation;
use crate::wiring::policy::{self, TakingEffect};

/// Answer requests, until told to stop.
///
/// On loopback without keys everyone may ask; elsewhere a key is required (`freehold keys add`).
/// Promotions, rollbacks and changes of freehold.toml take effect while the server runs; a file that
/// is wrong changes nothing, and the log says why.
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
    let threads = NonZeroUsize::new(session.config.compute.threads())
        .context("there is at least one thread")?;
    let making = Making { app: app.clone(), deployments: Deployments::new(threads)?, seed };
    let (watch, config) = first_portfolio(&session, making, &keys)?;
    let look_around = look_around(watch.generation.subscribe());
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
            never = look_around => match never {},
            never = compact_by_age(&session, &traces) => match never {},
            never = forget_by_rule(config, &session, &traces) => match never {},
        }
    })?;
    tracing::info!("stopped: {drained:?}");
    // Every answer is durable in the log already, so a failure here loses nothing.
    if let Err(error) = session.wait(traces.compact()) {
        tracing::warn!("the newest traces stay in the log: {error}");
    }
    Ok(())
}

/// Deploys what the configuration and the aliases say, and gives what follows both from then on.
fn first_portfolio(
    session: &Arc<Session>,
    making: Making,
    keys: &[Key],
) -> Result<(Watch, channel::Receiver<Arc<Config>>)> {
    // Looked at before they are acted upon: a change in between is then seen as one, not missed.
    let file = ConfigFile::of(&session.config);
    let seen = session.wait(session.ledger.alias_sequence())?;
    let generation = making.generation(session)?;
    let portfolio = making.portfolio(session, &generation)?;
    if portfolio.is_empty() {
        tracing::warn!("nothing is deployed yet; `freehold models promote` takes effect at once");
    }
    let taking =
        TakingEffect { config: &session.config, previous: None, at: session.now(), by: "local" };
    let digest = session.wait(policy::record(session.ledger.as_ref(), &taking))?;
    let named = |name: &&String| !keys.iter().any(|key| key.name.as_str() == name.as_str());
    for name in session.config.egress.keys.keys().filter(named) {
        tracing::warn!(
            "[egress.keys.{name}]: there is no key of that name; `freehold keys add {name}` makes one"
        );
    }
    tracing::info!("deployed: {}", portfolio.model_names().join(", "));
    making.app.deploy(portfolio);
    let (current, config) = channel::channel(Arc::new(session.config.clone()));
    let (making, generation) = (Arc::new(making), channel::Sender::new(Arc::new(generation)));
    let session = session.clone();
    Ok((Watch { making, session, generation, seen, file, digest, current }, config))
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
        ledger_grace: Duration::from_secs(u64::from(serve.ledger_grace_s)),
        ..Limits::default()
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

/// How often model servers are asked how busy they are.
const LOOK_AROUND: Duration = Duration::from_secs(5);

/// Asks the replicas of the engines in force again and again how busy they are.
async fn look_around(in_force: channel::Receiver<Arc<Generation>>) -> Infallible {
    let mut rounds = tokio::time::interval(LOOK_AROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let generation = Arc::clone(&in_force.borrow());
        generation.look_around().await;
    }
}

/// How often a server forgets what has become due: days are counted, so an hour is soon enough.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Forgets texts and traces by the rules of the configuration, at the start and every hour.
async fn forget_by_rule(
    config: channel::Receiver<Arc<Config>>,
    session: &Session,
    traces: &Traces,
) -> Infallible {
    let mut due = tokio::time::interval(FORGET_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        let rules = retention_rules(&config.borrow());
        if rules.keep_everything() {
            continue;
        }
        match traces.forget(rules, session.now()).await {
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
