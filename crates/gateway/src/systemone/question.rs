//! The request of `/v1/systemone`, parsed strictly: a name that occurs twice is an error, since
//! keeping either of the two would answer a question that was not asked.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::app::shown;

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideRequest {
    pub(crate) model: String,
    pub(crate) state: Value,
    pub(crate) questions: Unique<Question>,
}

/// One typed question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// Accepted and not read: what a fine-tuned model decides, it has learnt from examples.
    #[serde(default, rename = "instructions")]
    pub(crate) _instructions: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub(crate) criteria: Criteria,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Choice,
    Score,
    Noul,
}

/// What may be answered: nothing said, named options, or ordered levels.
#[derive(Debug, Default)]
pub(crate) enum Criteria {
    #[default]
    Absent,
    Named(Unique<Value>),
    Ordered(Vec<Value>),
}

/// A JSON object in the order in which it was sent, without repeated names.
#[derive(Debug)]
pub(crate) struct Unique<V>(pub(crate) Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor(PhantomData))
    }
}

struct UniqueVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for UniqueVisitor<V> {
    type Value = Unique<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Unique<V>, M::Error> {
        unique(map).map(Unique)
    }
}

fn unique<'de, V: Deserialize<'de>, M: MapAccess<'de>>(
    mut map: M,
) -> Result<Vec<(String, V)>, M::Error> {
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    while let Some((name, value)) = map.next_entry::<String, V>()? {
        if !seen.insert(name.clone()) {
            return Err(M::Error::custom(format_args!("`{}` occurs twice", shown(&name))));
        }
        entries.push((name, value));
    }
    Ok(entries)
}

impl<'de> Deserialize<'de> for Criteria {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CriteriaVisitor)
    }
}

struct CriteriaVisitor;

impl<'de> Visitor<'de> for CriteriaVisitor {
    type Value = Criteria;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of options, a list of levels, or null")
    }

    fn visit_unit<E>(self) -> Result<Criteria, E> {
        Ok(Criteria::Absent)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Criteria, M::Error> {
        unique(map).map(|entries| Criteria::Named(Unique(entries)))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Criteria, S::Error> {
        let mut levels = Vec::new();
        while let Some(level) = seq.next_element()? {
            levels.push(level);
        }
        Ok(Criteria::Ordered(levels))
    }
}

/// The text that a state means to a model of texts: a string is itself, a list or object that
/// holds one string and nothing else is that string, and anything else is its JSON with sorted
/// names. None for a state that is neither text, list nor object.
pub(crate) fn state_text(state: &Value) -> Option<String> {
    match state {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => match items.as_slice() {
            [Value::String(only)] => Some(only.clone()),
            _ => Some(state.to_string()),
        },
        Value::Object(fields) => match fields.values().collect::<Vec<_>>().as_slice() {
            [Value::String(only)] => Some(only.clone()),
            _ => Some(state.to_string()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, expected: Option<&str>) {
        let state = serde_json::from_str(state).unwrap();
        assert_eq!(state_text(&state).as_deref(), expected);
    }

    #[test]
    fn a_state_is_its_only_text_or_its_json() {
        check(r#""my card""#, Some("my card"));
        check(r#"{"message": "my card"}"#, Some("my card"));
        check(r#"["my card"]"#, Some("my card"));
        check(r#"{"b": 1, "a": "x"}"#, Some(r#"{"a":"x","b":1}"#));
        check(r#"["a", "b"]"#, Some(r#"["a","b"]"#));
        check("null", None);
        check("3", None);
    }

    #[test]
    fn a_repeated_name_is_refused() {
        let body = r#"{"type": "choice", "criteria": {"a": null, "a": "again"}}"#;
        let error = serde_json::from_str::<Question>(body).unwrap_err().to_string();
        assert!(error.contains("`a` occurs twice"), "{error}");
    }
}
