//! Parts of Anthropic's answers that several endpoints share.

use axum::http::StatusCode;
use freehold_vocabulary::chat::{StopReason, Usage};
use serde_json::{Value, json};

use crate::error::Face;
use crate::layers::observe::RequestId;

/// Tokens in Anthropic's words: cached ones are not in `input_tokens`.
pub(crate) fn usage(usage: &Usage) -> Value {
    let cached = usage.cached_input_tokens.saturating_add(usage.cache_written_tokens);
    json!({
        "input_tokens": usage.input_tokens.saturating_sub(cached),
        "cache_creation_input_tokens": usage.cache_written_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
    })
}

/// Why the answer ended, and the stop sequence that ended it.
pub(crate) fn stop(reason: &StopReason) -> (&str, Option<&str>) {
    match reason {
        StopReason::EndTurn => ("end_turn", None),
        StopReason::StopSequence { sequence } => ("stop_sequence", sequence.as_deref()),
        StopReason::MaxTokens => ("max_tokens", None),
        StopReason::ToolCalls => ("tool_use", None),
        StopReason::ContentFilter | StopReason::Refusal => ("refusal", None),
        StopReason::Other { name } => (name, None),
    }
}

/// An error in Anthropic's shape, with our stable code beside its type.
pub(crate) fn error_body(face: &Face<'_>, id: Option<&RequestId>) -> Value {
    let kind = match face.status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::SERVICE_UNAVAILABLE => "overloaded_error",
        StatusCode::GATEWAY_TIMEOUT => "timeout_error",
        status if status.is_server_error() => "api_error",
        _ => "invalid_request_error",
    };
    let error = json!({ "type": kind, "message": face.message, "code": face.code });
    json!({ "type": "error", "error": error, "request_id": id.map(|it| &it.0) })
}
