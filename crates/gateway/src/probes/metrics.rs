//! `GET /metrics`: everything that is counted, for Prometheus.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// A ledger that is slower than this leaves its one gauge out.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) async fn handler(State(app): State<App>) -> Response {
    let pending = app.parts.ledger.count_pending_reviews(None);
    let pending = tokio::time::timeout(PATIENCE, pending).await;
    let mut text = app.metrics.render(pending.ok().and_then(Result::ok));
    app.caches.render(&mut text);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
