//! Accepts connections, and ends without cutting an answer short.
//!
//! Our own accept loop, because axum's has no deadline for a request's head: without one, a few
//! hundred silent connections hold the server's sockets for ever.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::app::App;
use crate::batch;
use crate::budget::keep;
use crate::router::router;

/// How long to wait when the system has no file descriptor for a new connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// How long the ledger has to take what was used of limits, once the last answer is out.
const TELL_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest head of a request in bytes; beyond it hyper answers 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request in flight was answered.
    Completely,
    /// That many connections were cut when the time was over.
    Cut { connections: usize },
}

/// Serves until `shutdown` completes, then stops accepting and lets the requests in flight finish
/// within [`crate::Limits::drain_timeout`].
///
/// # Errors
/// When the listener breaks for good.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()>,
) -> io::Result<Drained> {
    let service = router(app.clone());
    let (told, keeping) = oneshot::channel::<()>();
    let keeper = tokio::spawn(keep(app.clone(), async {
        // Both an end and a dropped sender end it.
        let _ = keeping.await;
    }));
    let places = Arc::new(Semaphore::new(app.parts.limits.connections_max.get()));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut jobs = JoinSet::new();
    jobs.spawn(batch::run::run(app.clone()));
    let mut shutdown = pin!(shutdown);
    loop {
        // Ended connections give their memory back as they come, not when the server stops.
        while connections.try_join_next().is_some() {}
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            listener.accept().await.map(|(stream, _peer)| (stream, place))
        };
        let (stream, place) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(cause) if is_passing(&cause) => {
                    warn!("cannot accept a connection: {cause}; trying again");
                    tokio::time::sleep(EXHAUSTED).await;
                    continue;
                }
                Err(cause) => return Err(cause),
            },
        };
        let connection = connection(stream, &app, service.clone());
        let connection = graceful.watch(connection);
        let counted = app.clone();
        connections.spawn(async move {
            let (_place, _present) = (place, counted.metrics.connect());
            if let Err(cause) = connection.await {
                debug!("a connection ended early: {cause}");
            }
        });
    }
    drop(listener);
    let drained = drain(&app, graceful, connections, jobs).await;
    drop(told);
    if tokio::time::timeout(TELL_TIMEOUT, keeper).await.is_err() {
        warn!("the ledger does not take what was used of limits; the lease gives back the rest");
    }
    Ok(drained)
}

type Connection = http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

fn connection(stream: TcpStream, app: &App, service: Router) -> Connection {
    // Answers are small and written at once; waiting to fill a packet only adds latency.
    if let Err(cause) = stream.set_nodelay(true) {
        debug!("a connection refuses TCP_NODELAY: {cause}");
    }
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.parts.limits.header_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
}

async fn drain(
    app: &App,
    graceful: GracefulShutdown,
    mut connections: JoinSet<()>,
    mut jobs: JoinSet<()>,
) -> Drained {
    app.begin_draining();
    let limit = app.parts.limits.drain_timeout;
    info!("draining {} connections within {limit:?}", connections.len());
    let ended = async {
        graceful.shutdown().await;
        while connections.join_next().await.is_some() {}
        // What batches are asking now is written down; the rest goes on when the server starts.
        while jobs.join_next().await.is_some() {}
    };
    if tokio::time::timeout(limit, ended).await.is_ok() {
        return Drained::Completely;
    }
    let left = connections.len();
    connections.shutdown().await;
    warn!("cut {left} connections that did not end within {limit:?}");
    Drained::Cut { connections: left }
}

/// Whether the next accept may succeed: the peer went away, or descriptors are short for a while.
fn is_passing(cause: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    let gone = matches!(
        cause.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    );
    gone || matches!(cause.raw_os_error(), Some(EMFILE | ENFILE))
}
