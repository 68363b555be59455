//! `GET /readyz`: whether traffic may be sent here. Names what is missing, not why: the cause is
//! in the log.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use freehold_vocabulary::{Timestamp, TraceId};
use serde::Serialize;
use tracing::warn;

use crate::app::App;
use crate::extract::Json;

/// Longest that a part may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    ready: bool,
    portfolio: Health,
    ledger: Health,
    traces: Health,
    draining: bool,
    /// How many are deployed; which, only a key may ask.
    tasks: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    Empty,
    Unreachable,
}

pub(crate) async fn handler(State(app): State<App>) -> Response {
    let portfolio = app.portfolio();
    let (ledger, traces) = tokio::join!(ledger(&app), traces(&app));
    let readiness = Readiness {
        portfolio: if portfolio.is_empty() { Health::Empty } else { Health::Ok },
        ledger,
        traces,
        draining: app.is_draining(),
        tasks: portfolio.tasks(),
        ready: false,
    };
    let well = [readiness.portfolio, readiness.ledger, readiness.traces];
    let ready = well.iter().all(|it| *it == Health::Ok) && !readiness.draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, ..readiness })).into_response()
}

async fn ledger(app: &App) -> Health {
    match tokio::time::timeout(PATIENCE, app.parts.ledger.alias_sequence()).await {
        Ok(Ok(_sequence)) => Health::Ok,
        Ok(Err(cause)) => {
            warn!("not ready: the ledger failed: {cause}");
            Health::Unreachable
        }
        Err(_elapsed) => {
            warn!("not ready: the ledger did not answer within {PATIENCE:?}");
            Health::Unreachable
        }
    }
}

/// A log that can look for a trace that cannot exist is well.
async fn traces(app: &App) -> Health {
    let nobody = TraceId::new(Timestamp::from_micros(0), 0);
    match tokio::time::timeout(PATIENCE, app.parts.traces.find(&nobody)).await {
        Ok(Ok(_found)) => Health::Ok,
        Ok(Err(cause)) => {
            warn!("not ready: the trace log failed: {cause}");
            Health::Unreachable
        }
        Err(_elapsed) => {
            warn!("not ready: the trace log did not answer within {PATIENCE:?}");
            Health::Unreachable
        }
    }
}
