//! Everything that can go wrong in a request, split by what the caller can do.
//!
//! A handler only returns the error; `layers::rescue` is the single place where it
//! becomes HTTP in the caller's protocol. Causes go to the log, never to the client.

use std::borrow::Cow;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use freehold_ledger::LedgerError;
use freehold_vocabulary::chat::{ChatError, Remedy};
use freehold_vocabulary::egress::Denied;
use freehold_vocabulary::ports::TraceLogError;
use freehold_vocabulary::{DataClass, EngineName};
use serde_json::{Value, json};

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    // Mend the request.
    #[error("the body is not a valid request: {reason}")]
    Json { reason: String },
    #[error("{message}")]
    Invalid { param: Option<String>, message: String },
    #[error("unknown parameter: `{param}`; remove it")]
    UnknownParameter { param: String },
    #[error("unsupported parameter: {reason}")]
    UnsupportedParameter { param: String, reason: String },
    #[error("{what} exceeds the limit of {limit} {unit}; {remedy}")]
    TooLarge { what: String, limit: usize, unit: &'static str, remedy: &'static str },
    #[error("send the body as `content-type: application/json`")]
    MediaType,
    #[error("the body did not arrive within {0:?}; send it faster or in smaller batches")]
    SlowBody(Duration),
    #[error("the body ended early or its framing is broken; send it again")]
    BrokenBody,
    #[error("there is no route `{path}`; see /openapi.json")]
    UnknownRoute { path: String },
    #[error("`{path}` does not answer {method}; see /openapi.json")]
    Method { method: String, path: String },
    #[error("`{task}` is not deployed; deployed: {}", listed(.deployed))]
    UnknownTask { task: String, deployed: Vec<String> },
    #[error("the model `{model}` does not exist; there are: {}", listed(.deployed))]
    UnknownModel { model: String, deployed: Vec<String> },
    #[error("there is no trace `{trace}`; use the `trace_id` of an answer of this server")]
    UnknownTrace { trace: String },
    #[error("there is no {what} `{id}` of this key; it may have been deleted or have expired")]
    UnknownObject { what: &'static str, id: String },
    #[error("`{label}` is not a label of task `{task}`; did you mean {}?", listed(.near))]
    UnknownLabel { label: String, task: String, near: Vec<String> },
    #[error("question `{question}` fits no deployed task: {reason}")]
    Unfit { question: String, reason: String, deployed: Value },
    #[error(
        "{class} data may not go to engine `{engine}` (clearance {clearance}): denied by the rule `{rule}`; nothing was sent"
    )]
    EgressDenied { engine: EngineName, class: DataClass, clearance: DataClass, rule: String },
    #[error(
        "content may not be kept here: [serve] says `trace_content = false`, and files and batches are nothing but content"
    )]
    ContentNotKept,
    /// A generating engine gave no answer; what the caller can do is in the error.
    #[error(transparent)]
    Generation(ChatError),
    // Present another key.
    #[error("an API key is required: send `authorization: Bearer fh-…` or `x-api-key: fh-…`")]
    KeyMissing,
    #[error("the API key is not valid: it is unknown, revoked or expired")]
    KeyInvalid,
    #[error("key `{key}` may not {what}{}", only(.allowed))]
    NotAllowed { key: String, what: String, allowed: Vec<String> },
    /// A cost that nobody knows cannot be held against a limit.
    #[error(
        "`{model}` has no price in {currency}, so the limit `{limit}` cannot be kept; ask another model, or the operator to state one"
    )]
    NoPrice { model: String, currency: String, limit: String },
    // Try again later.
    #[error("the limit `{limit}` is reached: {why}")]
    LimitReached { limit: String, why: String, retry_after: Option<Duration> },
    #[error("{limit} requests are in flight already; retry after {}", seconds(.retry_after))]
    InFlight { limit: usize, retry_after: Duration },
    #[error("engine `{engine}` is at capacity; retry after {}", seconds(.retry_after))]
    EngineBusy { engine: String, retry_after: Duration },
    #[error("no answer within {0:?}; retry, or send a smaller batch")]
    AnswerTimeout(Duration),
    #[error("the trace log is behind")]
    TraceLogFull,
    #[error("the trace log failed: {0}")]
    TraceLogBroken(String),
    #[error("the ledger failed: {0}")]
    LedgerDown(String),
    #[error("the depot failed: {0}")]
    Depot(String),
    // Nothing the caller can do.
    #[error("engine `{engine}` failed: {reason}")]
    EngineBroken { engine: String, reason: String },
    #[error("a handler panicked: {0}")]
    Panicked(String),
}

/// What the client sees of an error.
#[derive(Debug)]
pub struct Face<'a> {
    pub status: StatusCode,
    /// Stable: clients may branch on it.
    pub code: &'static str,
    pub message: Cow<'a, str>,
    pub param: Option<&'a str>,
    pub retry_after: Option<Duration>,
    /// What would have been right, for machines.
    pub details: Option<Value>,
}

/// Travels in a response's extensions from the handler to the rescue layer.
#[derive(Debug, Clone)]
pub struct Failed(pub Arc<ApiError>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Failed(Arc::new(self)));
        response
    }
}

impl ApiError {
    /// A request that is well-formed but wrong, without a single field to blame.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { param: None, message: message.into() }
    }

    /// A wrong value in a named field.
    pub fn invalid_field(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { param: Some(param.into()), message: message.into() }
    }

    /// A ledger that did not do what it was asked; its own refusals are the caller's to mend.
    pub fn ledger(cause: &LedgerError) -> Self {
        if let LedgerError::Invalid { .. } = cause {
            return Self::invalid(cause.to_string());
        }
        let mut reasons = vec![cause.to_string()];
        let mut source = cause.source();
        while let Some(it) = source {
            reasons.push(it.to_string());
            source = it.source();
        }
        Self::LedgerDown(reasons.join(": "))
    }

    /// A trace log that did not keep or find a trace.
    pub fn trace_log(cause: TraceLogError) -> Self {
        match cause {
            TraceLogError::Full => Self::TraceLogFull,
            TraceLogError::Broken(reason) => Self::TraceLogBroken(reason),
        }
    }

    /// Status, code and a safe sentence. The only list of them.
    #[must_use]
    pub fn face(&self) -> Face<'_> {
        let (status, code) = self.status_and_code();
        let message = match self {
            Self::TraceLogFull | Self::TraceLogBroken(_) => {
                "the answer could not be recorded, so it was withheld; retry shortly".into()
            }
            Self::LedgerDown(_) => "the ledger cannot be reached; retry shortly".into(),
            Self::Depot(_) => "what is kept for callers cannot be reached; retry shortly".into(),
            Self::EngineBroken { .. } => {
                "the model failed to answer; the operator's log names the cause".into()
            }
            Self::Panicked(_) => "internal error; the operator's log names the cause".into(),
            Self::Generation(cause) => generation_message(cause),
            // The display form of every other error is written for the caller.
            _ => Cow::Owned(self.to_string()),
        };
        let details = self.details();
        Face {
            status,
            code,
            message,
            param: self.param(),
            retry_after: self.retry_after(),
            details,
        }
    }

    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Json { .. } => (StatusCode::BAD_REQUEST, "invalid_json"),
            Self::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::UnknownParameter { .. } => (StatusCode::BAD_REQUEST, "unknown_parameter"),
            Self::UnsupportedParameter { .. } => (StatusCode::BAD_REQUEST, "unsupported_parameter"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::SlowBody(_) => (StatusCode::REQUEST_TIMEOUT, "body_timeout"),
            Self::BrokenBody => (StatusCode::BAD_REQUEST, "broken_body"),
            Self::UnknownRoute { .. } => (StatusCode::NOT_FOUND, "unknown_route"),
            Self::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::UnknownTask { .. } => (StatusCode::NOT_FOUND, "task_not_found"),
            Self::UnknownModel { .. } => (StatusCode::NOT_FOUND, "model_not_found"),
            Self::UnknownTrace { .. } => (StatusCode::NOT_FOUND, "trace_not_found"),
            Self::UnknownObject { .. } => (StatusCode::NOT_FOUND, "not_found"),
            Self::UnknownLabel { .. } => (StatusCode::BAD_REQUEST, "unknown_label"),
            Self::Unfit { .. } => (StatusCode::NOT_IMPLEMENTED, "no_task_fits"),
            Self::EgressDenied { .. } => (StatusCode::FORBIDDEN, "egress_denied"),
            Self::ContentNotKept => (StatusCode::FORBIDDEN, "content_not_kept"),
            Self::Generation(cause) => generation_status(cause),
            Self::KeyMissing => (StatusCode::UNAUTHORIZED, "missing_api_key"),
            Self::KeyInvalid => (StatusCode::UNAUTHORIZED, "invalid_api_key"),
            Self::NotAllowed { .. } => (StatusCode::FORBIDDEN, "not_allowed"),
            Self::NoPrice { .. } => (StatusCode::FORBIDDEN, "price_unknown"),
            Self::LimitReached { .. } => (StatusCode::TOO_MANY_REQUESTS, "limit_reached"),
            Self::InFlight { .. } => (StatusCode::TOO_MANY_REQUESTS, "overloaded"),
            Self::EngineBusy { .. } => (StatusCode::TOO_MANY_REQUESTS, "engine_busy"),
            Self::AnswerTimeout(_) => (StatusCode::SERVICE_UNAVAILABLE, "answer_timeout"),
            Self::TraceLogFull => (StatusCode::SERVICE_UNAVAILABLE, "trace_log_full"),
            Self::TraceLogBroken(_) => (StatusCode::SERVICE_UNAVAILABLE, "trace_log_unavailable"),
            Self::LedgerDown(_) => (StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable"),
            Self::Depot(_) => (StatusCode::SERVICE_UNAVAILABLE, "depot_unavailable"),
            Self::EngineBroken { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "engine_failed"),
            Self::Panicked(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Invalid { param, .. } => param.as_deref(),
            Self::UnknownParameter { param } | Self::UnsupportedParameter { param, .. } => {
                Some(param)
            }
            Self::UnknownModel { .. } => Some("model"),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::InFlight { retry_after, .. } | Self::EngineBusy { retry_after, .. } => {
                Some(*retry_after)
            }
            Self::LimitReached { retry_after, .. } => *retry_after,
            Self::AnswerTimeout(_)
            | Self::TraceLogFull
            | Self::TraceLogBroken(_)
            | Self::LedgerDown(_)
            | Self::Depot(_) => Some(Duration::from_secs(1)),
            Self::Generation(cause) => match cause.remedy() {
                Remedy::Again { not_before } => not_before.or(Some(Duration::from_secs(1))),
                Remedy::Elsewhere | Remedy::Never => None,
            },
            _ => None,
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::UnknownTask { deployed, .. } | Self::UnknownModel { deployed, .. } => {
                Some(json!({ "deployed": deployed }))
            }
            Self::UnknownLabel { near, .. } => Some(json!({ "near": near })),
            Self::Unfit { question, deployed, .. } => {
                Some(json!({ "question": question, "deployed": deployed }))
            }
            Self::EgressDenied { engine, class, clearance, rule } => Some(json!({
                "engine": engine, "data_class": class, "clearance": clearance, "rule": rule,
            })),
            Self::NotAllowed { allowed, .. } => Some(json!({ "allowed": allowed })),
            Self::NoPrice { limit, .. } | Self::LimitReached { limit, .. } => {
                Some(json!({ "limit": limit }))
            }
            Self::TooLarge { limit, unit, .. } => Some(json!({ "limit": limit, "unit": unit })),
            _ => None,
        }
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        let Denied { engine, class, clearance, rule } = denied;
        Self::EgressDenied { engine, class, clearance, rule }
    }
}

/// What an engine's refusal means for the caller. The caller's key is fine when the engine's is
/// not, so that is 502 and never 401.
fn generation_status(cause: &ChatError) -> (StatusCode, &'static str) {
    match cause {
        ChatError::Refused { status, .. } => {
            let status = StatusCode::from_u16(*status)
                .ok()
                .filter(|it| matches!(it.as_u16(), 400 | 404 | 409 | 413 | 415 | 422));
            (status.unwrap_or(StatusCode::BAD_REQUEST), "engine_refused")
        }
        ChatError::Unsupported { .. } => (StatusCode::BAD_REQUEST, "unsupported_by_engine"),
        ChatError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "engine_rate_limited"),
        ChatError::NotAsked { .. } => (StatusCode::SERVICE_UNAVAILABLE, "engine_not_available"),
        ChatError::Unavailable { .. } | ChatError::Connection { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "engine_unavailable")
        }
        ChatError::Timeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "engine_timeout"),
        ChatError::UnknownModel { .. } | ChatError::Unauthorised { .. } => {
            (StatusCode::BAD_GATEWAY, "engine_misconfigured")
        }
        ChatError::Truncated { .. } | ChatError::Malformed { .. } | ChatError::TooLarge { .. } => {
            (StatusCode::BAD_GATEWAY, "engine_answer_broken")
        }
        ChatError::NotCleared(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
    }
}

/// What a provider says of the caller's own request reaches the caller; what it says of our key,
/// our network or itself stays in the log.
fn generation_message(cause: &ChatError) -> Cow<'_, str> {
    match cause {
        ChatError::Refused { .. } | ChatError::Unsupported { .. } | ChatError::Timeout { .. } => {
            Cow::Owned(cause.to_string())
        }
        ChatError::RateLimited { engine, .. } => {
            Cow::Owned(format!("engine `{engine}` limits the rate; retry later"))
        }
        ChatError::NotAsked { engine, .. }
        | ChatError::Unavailable { engine, .. }
        | ChatError::Connection { engine, .. } => {
            Cow::Owned(format!("engine `{engine}` is not available; retry shortly"))
        }
        ChatError::UnknownModel { engine, .. } | ChatError::Unauthorised { engine, .. } => {
            Cow::Owned(format!(
                "engine `{engine}` is not set up rightly; the operator's log names the cause"
            ))
        }
        ChatError::Truncated { engine, .. }
        | ChatError::Malformed { engine, .. }
        | ChatError::TooLarge { engine, .. } => {
            Cow::Owned(format!("engine `{engine}` gave a broken answer; retry"))
        }
        ChatError::NotCleared(_) => "internal error; the operator's log names the cause".into(),
    }
}

/// What may be used instead, if that is a list.
fn only(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; it may use: {}", listed(names)) }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Whole seconds, rounded up, as the `retry-after` header says it.
fn seconds(duration: &Duration) -> String {
    format!("{} s", whole_seconds(*duration))
}

/// Whole seconds, rounded up and at least one: the unit of `retry-after`.
#[must_use]
pub fn whole_seconds(duration: Duration) -> u64 {
    let up = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    up.max(1)
}
