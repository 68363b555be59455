//! An answer as server-sent events, written by the encoder of a protocol.
//!
//! Dropping the body, which the server does when the client goes away, ends the generation.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Serialize;
use tracing::error;

use super::{Answering, Settled, Step};
use crate::error::ApiError;
use freehold_vocabulary::chat::ChatEvent;

/// Writes events in the words of one protocol. An empty text sends nothing.
pub(crate) trait Encode: Send + Unpin + 'static {
    fn event(&mut self, event: ChatEvent) -> String;
    /// After the trace is durable.
    fn end(&mut self, settled: Settled) -> String;
    /// An answer that breaks off: the status went out long ago.
    fn failed(&mut self, error: &ApiError) -> String;
}

/// The answer as a stream.
pub(crate) fn stream(answering: Answering, encoder: impl Encode) -> Response {
    with_headers(Body::new(Events { answering: Some(answering), encoder }))
}

/// A stream that is complete when it begins.
pub(crate) fn complete(text: String) -> Response {
    with_headers(Body::from(text))
}

fn with_headers(body: Body) -> Response {
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    let fresh = HeaderValue::from_static("no-cache");
    // Proxies that collect answers before they pass them on are told not to.
    let unbuffered = HeaderValue::from_static("no");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, fresh),
        (header::HeaderName::from_static("x-accel-buffering"), unbuffered),
    ];
    (headers, body).into_response()
}

/// One `data:` line and the end of the event.
pub(crate) fn data(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("an event has string keys");
    format!("data: {json}\n\n")
}

/// An event with its name.
pub(crate) fn named(name: &str, value: &impl Serialize) -> String {
    format!("event: {name}\n{}", data(value))
}

struct Events<E> {
    /// None after the end.
    answering: Option<Answering>,
    encoder: E,
}

impl<E: Encode> HttpBody for Events<E> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        loop {
            let Some(answering) = &mut this.answering else { return Poll::Ready(None) };
            let Poll::Ready(step) = answering.poll_next(context) else { return Poll::Pending };
            let text = match step {
                Step::Event(event) => this.encoder.event(event),
                Step::End(settled) => {
                    this.answering = None;
                    this.encoder.end(settled)
                }
                Step::Failed(cause) => {
                    let id = &answering.about.trace_id;
                    error!(trace.id = %id, "the stream of `{id}` broke off: {cause}");
                    this.answering = None;
                    this.encoder.failed(&cause)
                }
            };
            if !text.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from(text)))));
            }
        }
    }
}
