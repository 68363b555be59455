//! Gives every request an id, counts it and logs it: the only place that does any of the three.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use freehold_vocabulary::{Timestamp, TraceId};
use tracing::{debug, error, warn};

use crate::app::App;
use crate::error::Failed;
use crate::metrics::CLIENT_GONE;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id, for errors and logs; traces have ids of their own.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) TraceId);

pub(crate) async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let _present = app.metrics.enter();
    let started = app.parts.clock.now();
    let id = app.ids.next(started);
    request.extensions_mut().insert(RequestId(id.clone()));
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut ending = Ending { app: &app, path, started, status: CLIENT_GONE };
    let mut response = next.run(request).await;
    ending.status = response.status().as_u16();
    log(&response, &id);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Counts the request when it is over, also when the client went away and the future is dropped.
struct Ending<'a> {
    app: &'a App,
    path: Option<MatchedPath>,
    started: Timestamp,
    status: u16,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let latency_us = elapsed_us(self.started, self.app.parts.clock.now());
        let path = self.path.as_ref().map(MatchedPath::as_str);
        self.app.metrics.answered(path, self.status, latency_us);
    }
}

fn log(response: &Response, id: &TraceId) {
    let status = response.status().as_u16();
    let Some(Failed(cause)) = response.extensions().get::<Failed>() else {
        debug!(request.id = %id, status, "answered request `{id}` with {status}");
        return;
    };
    match status {
        500.. if status != 501 => {
            error!(request.id = %id, status, "request `{id}` failed with {status}: {cause}");
        }
        429 => warn!(request.id = %id, status, "refused request `{id}`: {cause}"),
        _ => debug!(request.id = %id, status, "refused request `{id}` with {status}: {cause}"),
    }
}

/// Microseconds between two instants; none when the clock was set back.
pub(crate) fn elapsed_us(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_micros() - from.as_micros()).unwrap_or(0)
}
