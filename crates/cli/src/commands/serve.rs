//! `freehold serve`: the HTTP server.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_gateway::{Access, App, Limits, Parts};
use freehold_ledger::Sequence;
use freehold_traces::{Options, Traces};
use freehold_vocabulary::Seed;

use crate::clock::SystemClock;
use crate::output::Form;
use crate::wiring::Session;
use crate::wiring::deployments::Deployments;

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
    let access = if any_key { Access::Keys } else { Access::Open };
    let traces = Traces::open(session.traces_folder()?, Options::default())?;
    let mut entropy = [0u8; 8];
    getrandom::fill(&mut entropy).context("the machine gives no randomness")?;
    let app = App::new(Parts {
        clock: Arc::new(SystemClock),
        ledger: session.ledger.clone(),
        traces: Arc::new(traces),
        access,
        limits: limits(&session),
        seed: Seed(u64::from_le_bytes(entropy)),
    });
    let threads = NonZeroUsize::new(session.config.compute.threads())
        .context("there is at least one thread")?;
    let deployments = Deployments::new(threads)?;
    // Read before the portfolio is built: a move in between is then seen as one, not missed.
    let seen = session.wait(session.ledger.alias_sequence())?;
    let portfolio = deployments.portfolio(&session)?;
    if portfolio.is_empty() {
        tracing::warn!("nothing is deployed yet; `freehold models promote` takes effect at once");
    }
    tracing::info!("deployed: {}", portfolio.names().join(", "));
    app.deploy(portfolio);
    watch(session.clone(), app.clone(), deployments, seen)?;
    let drained = session.runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind(bind)
            .await
            .with_context(|| format!("{bind} cannot be bound"))?;
        let address = listener.local_addr()?;
        // The one line that scripts wait for.
        println!("listening on http://{address}");
        freehold_gateway::serve(listener, app, stop()).await.context("the server broke")
    })?;
    tracing::info!("stopped: {drained:?}");
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
        ..Limits::default()
    }
}

/// Looks for moves of aliases, and swaps the portfolio when there are any.
fn watch(
    session: Arc<Session>,
    app: App,
    deployments: Deployments,
    mut seen: Sequence,
) -> Result<()> {
    let pause = Duration::from_millis(u64::from(session.config.serve.watch_ms.get()));
    let look = move || {
        loop {
            std::thread::sleep(pause);
            match follow(&session, &app, &deployments, seen) {
                Ok(sequence) => seen = sequence,
                Err(error) => tracing::error!("the portfolio stays as it is: {error:#}"),
            }
        }
    };
    std::thread::Builder::new()
        .name("freehold-watch".to_owned())
        .spawn(look)
        .context("no thread to watch with")?;
    Ok(())
}

fn follow(
    session: &Session,
    app: &App,
    deployments: &Deployments,
    seen: Sequence,
) -> Result<Sequence> {
    let sequence = session.wait(session.ledger.alias_sequence())?;
    if sequence != seen {
        let portfolio = deployments.portfolio(session)?;
        tracing::info!("deployed anew: {}", portfolio.names().join(", "));
        app.deploy(portfolio);
    }
    Ok(sequence)
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
