//! Sheds load: beyond the limit a request is refused at once, so that the accepted ones stay fast.
//!
//! Never queues; the only queue is the engine's.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::ApiError;

/// Long enough for a small model to have answered what is in flight.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let Ok(_permit) = app.permits.try_acquire() else {
        let limit = app.parts.limits.in_flight_max.get();
        return ApiError::InFlight { limit, retry_after: RETRY_AFTER }.into_response();
    };
    next.run(request).await
}
