//! Sheds load: beyond the limit a request is refused at once, so that the accepted ones stay fast.
//!
//! Never queues; the only queue is the engine's. A place is taken until the last byte of the
//! answer has been handed over, or the client is gone: a stream takes one for as long as it runs.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::error::ApiError;

/// Long enough for a small model to have answered what is in flight.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let Ok(permit) = app.permits.clone().try_acquire_owned() else {
        let limit = app.parts.limits.in_flight_max.get();
        return ApiError::InFlight { limit, retry_after: RETRY_AFTER }.into_response();
    };
    let response = next.run(request).await;
    response.map(|body| Body::new(Held { body, _permit: permit }))
}

/// A body that holds the request's place.
struct Held {
    body: Body,
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
