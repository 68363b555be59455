//! The one place where an error becomes HTTP, in the protocol of whoever asked.
//!
//! Also catches panics, so that a bug in one request costs that request and not the server.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::anthropic::wire::error_body;
use crate::error::{ApiError, Face, Failed, whole_seconds};
use crate::layers::observe::RequestId;

pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let dialect = Dialect::of(request.uri().path());
    let id = request.extensions().get::<RequestId>().cloned();
    let response = match caught(next.run(request)).await {
        Ok(response) => response,
        Err(panic) => ApiError::Panicked(panic).into_response(),
    };
    let Some(failed) = response.extensions().get::<Failed>().cloned() else { return response };
    let face = failed.0.face();
    let body = match dialect {
        Dialect::OpenAi => openai_body(&face),
        Dialect::Anthropic => error_body(&face, id.as_ref()),
        Dialect::Own => own_body(&face, id.as_ref()),
    };
    render(response, &face, &body)
}

/// Whose error shape the caller expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    OpenAi,
    Anthropic,
    Own,
}

impl Dialect {
    fn of(path: &str) -> Self {
        const OPENAI: [&str; 8] = [
            "/v1/batches",
            "/v1/chat",
            "/v1/completions",
            "/v1/embeddings",
            "/v1/files",
            "/v1/models",
            "/v1/moderations",
            "/v1/responses",
        ];
        let below = |root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below("/v1/messages") {
            Self::Anthropic
        } else if OPENAI.iter().any(|root| below(root)) {
            Self::OpenAi
        } else {
            Self::Own
        }
    }
}

fn own_body(face: &Face<'_>, id: Option<&RequestId>) -> Value {
    let mut error = json!({ "code": face.code, "message": face.message });
    if let Some(RequestId(id)) = id {
        error["request_id"] = json!(id);
    }
    if let Some(param) = face.param {
        error["param"] = json!(param);
    }
    if let Some(details) = &face.details {
        error["details"] = details.clone();
    }
    json!({ "error": error })
}

pub(crate) fn openai_body(face: &Face<'_>) -> Value {
    let kind = match face.status {
        StatusCode::TOO_MANY_REQUESTS => "requests",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    };
    json!({ "error": {
        "message": face.message, "type": kind, "param": face.param, "code": face.code,
    }})
}

/// Keeps the headers that the router has set, such as `allow`.
fn render(mut response: Response, face: &Face<'_>, body: &Value) -> Response {
    *response.status_mut() = face.status;
    *response.body_mut() = Body::from(body.to_string());
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(after) = face.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
    }
    if face.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Runs a future; a panic becomes its text. The future is not polled again after a panic.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(panic_text(panic.as_ref()))),
        }
    })
    .await
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
