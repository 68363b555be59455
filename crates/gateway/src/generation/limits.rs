//! Bounds on what a request may hold, whatever its protocol; its bytes are bounded already.

use freehold_vocabulary::chat::{ChatRequest, Part};

use crate::error::ApiError;

const MESSAGES_MAX: usize = 4096;
const PARTS_MAX: usize = 8192;
const TOOLS_MAX: usize = 512;
const STOPS_MAX: usize = 64;
const CHOICES_MAX: u32 = 128;
const ALTERNATIVES_MAX: u32 = 255;
const METADATA_MAX: usize = 64;
/// Parameters that only one protocol knows.
const EXTRAS_MAX: usize = 64;

/// Refuses what is beyond a limit.
///
/// # Errors
/// When something is.
pub(crate) fn check(request: &ChatRequest) -> Result<(), ApiError> {
    if request.messages.is_empty() {
        let message = "`messages` is empty; send at least one message";
        return Err(ApiError::invalid_field("messages", message));
    }
    at_most("messages", request.messages.len(), MESSAGES_MAX)?;
    let inside = |part: &Part| match part {
        Part::ToolResult { content, .. } => 1 + content.len(),
        _ => 1,
    };
    let parts = request.messages.iter().flat_map(|it| &it.parts).chain(&request.system);
    at_most("messages", parts.map(inside).sum(), PARTS_MAX)?;
    at_most("tools", request.tools.len(), TOOLS_MAX)?;
    at_most("stop", request.sampling.stop.len(), STOPS_MAX)?;
    at_most("metadata", request.metadata.len(), METADATA_MAX)?;
    at_most("the body", request.extras.iter().count(), EXTRAS_MAX)?;
    within("n", request.sampling.n, 1..=CHOICES_MAX)?;
    within("top_logprobs", request.sampling.logprobs, 0..=ALTERNATIVES_MAX)?;
    within("max_tokens", request.sampling.max_tokens, 1..=u32::MAX)?;
    for (name, value) in [
        ("temperature", request.sampling.temperature),
        ("top_p", request.sampling.top_p),
        ("presence_penalty", request.sampling.presence_penalty),
        ("frequency_penalty", request.sampling.frequency_penalty),
    ] {
        if value.is_some_and(|it| !it.is_finite()) {
            return Err(ApiError::invalid_field(name, format!("`{name}` is not a finite number")));
        }
    }
    Ok(())
}

fn at_most(name: &str, count: usize, limit: usize) -> Result<(), ApiError> {
    if count <= limit {
        return Ok(());
    }
    let what = format!("`{name}`");
    Err(ApiError::TooLarge { what, limit, unit: "items", remedy: "send fewer" })
}

fn within(
    name: &str,
    value: Option<u32>,
    range: std::ops::RangeInclusive<u32>,
) -> Result<(), ApiError> {
    match value {
        Some(value) if !range.contains(&value) => {
            let message =
                format!("`{name}` is {value}; it is {} to {}", range.start(), range.end());
            Err(ApiError::invalid_field(name, message))
        }
        _ => Ok(()),
    }
}
