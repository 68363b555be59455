//! Parameters of a chat completion: which mean something here, which change nothing, which cannot
//! be honoured.
//!
//! A classifier is deterministic and writes no text, so sampling parameters are accepted and
//! named in the answer as ignored; a parameter that would change what the caller gets back is
//! refused instead.

use serde_json::Value;

use crate::app::shown;
use crate::error::ApiError;

/// What becomes of a parameter that the endpoint does not read.
#[derive(Debug, Clone, Copy)]
enum Handling {
    /// It cannot change a deterministic answer.
    Ignore,
    /// Only values that ask for nothing are accepted.
    Refuse(&'static str),
}

use Handling::{Ignore, Refuse};

/// Every parameter of the protocol except those that the endpoint reads, in alphabetical order.
const PARAMETERS: &[(&str, Handling)] = &[
    ("audio", Refuse("a classifier answers in text")),
    ("frequency_penalty", Ignore),
    ("function_call", Refuse("a classifier calls no functions")),
    ("functions", Refuse("a classifier calls no functions")),
    ("logit_bias", Refuse("probabilities are calibrated and cannot be shifted")),
    ("logprobs", Refuse("ask `/v1/tasks/{task}/predict` for probabilities")),
    ("max_completion_tokens", Ignore),
    ("max_tokens", Ignore),
    ("metadata", Ignore),
    ("modalities", Ignore),
    ("moderation", Refuse("no moderation model is deployed")),
    ("n", Refuse("every choice would be the same; ask for one")),
    ("parallel_tool_calls", Ignore),
    ("prediction", Refuse("a classifier writes no text that could be predicted")),
    ("presence_penalty", Ignore),
    ("prompt_cache_key", Ignore),
    ("prompt_cache_options", Ignore),
    ("prompt_cache_retention", Ignore),
    ("reasoning_effort", Ignore),
    ("response_format", Refuse("the answer is always the JSON object of its task")),
    ("safety_identifier", Ignore),
    ("seed", Ignore),
    ("service_tier", Ignore),
    ("stop", Ignore),
    ("store", Ignore),
    ("temperature", Ignore),
    ("tool_choice", Refuse("a classifier calls no tools")),
    ("tools", Refuse("a classifier calls no tools")),
    ("top_logprobs", Refuse("ask `/v1/tasks/{task}/predict` for probabilities")),
    ("top_p", Ignore),
    ("user", Ignore),
    ("verbosity", Ignore),
    ("web_search_options", Refuse("a classifier searches nothing")),
];

/// Names the parameters that change nothing.
///
/// # Errors
/// When a parameter is unknown, or asks for what a classifier cannot do.
pub(crate) fn ignored<'a>(
    sent: impl Iterator<Item = (&'a str, &'a Value)>,
) -> Result<Vec<&'static str>, ApiError> {
    let mut ignored = Vec::new();
    for (name, value) in sent {
        let place = PARAMETERS.binary_search_by_key(&name, |(known, _)| known);
        let place = place.map_err(|_absent| ApiError::UnknownParameter { param: shown(name) })?;
        match PARAMETERS[place] {
            (known, Ignore) if !value.is_null() => ignored.push(known),
            (known, Refuse(why)) if !asks_for_nothing(known, value) => {
                let reason = format!("`{known}`: {why}");
                return Err(ApiError::UnsupportedParameter { param: known.to_owned(), reason });
            }
            _ => {}
        }
    }
    Ok(ignored)
}

/// Values by which clients say that they do not use a parameter.
fn asks_for_nothing(name: &str, value: &Value) -> bool {
    match (name, value) {
        (_, Value::Null | Value::Bool(false)) => true,
        ("n", Value::Number(n)) => n.as_u64() == Some(1),
        ("top_logprobs", Value::Number(n)) => n.as_u64() == Some(0),
        ("tools" | "functions", Value::Array(items)) => items.is_empty(),
        ("logit_bias", Value::Object(fields)) => fields.is_empty(),
        ("tool_choice" | "function_call", Value::String(choice)) => {
            choice == "none" || choice == "auto"
        }
        ("response_format", Value::Object(format)) => {
            matches!(format.get("type").and_then(Value::as_str), Some("text" | "json_object"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(name: &str, value: Value, expected: Result<&[&str], &str>) {
        let found = ignored([(name, &value)].into_iter());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(code)) => assert_eq!(error.face().code, code),
            (found, expected) => panic!("{name}={value}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(PARAMETERS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn what_changes_nothing_is_ignored_and_what_would_is_refused() {
        check("temperature", json!(0.2), Ok(&["temperature"]));
        check("temperature", Value::Null, Ok(&[]));
        check("n", json!(1), Ok(&[]));
        check("n", json!(2), Err("unsupported_parameter"));
        check("tools", json!([]), Ok(&[]));
        check("tools", json!([{}]), Err("unsupported_parameter"));
        check("response_format", json!({"type": "json_object"}), Ok(&[]));
        check("response_format", json!({"type": "json_schema"}), Err("unsupported_parameter"));
        check("temprature", json!(0.2), Err("unknown_parameter"));
    }
}
