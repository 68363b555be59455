//! What a protocol carried that has no common meaning, under its own name.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Whose words a value speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Chat completions, completions and embeddings as OpenAI defined them.
    OpenAi,
    /// OpenAI's responses.
    Responses,
    Anthropic,
    Gemini,
    /// Amazon Bedrock's Converse.
    Bedrock,
}

impl Protocol {
    /// The word used in configuration and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "open-ai",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Named values of one protocol each. An engine that speaks the same protocol sends them on as
/// they are, except for names it sets itself; any other engine reports them as ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extras(BTreeMap<Protocol, Map<String, Value>>);

impl Extras {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Keeps a value; a second one of the same name replaces the first.
    pub fn insert(&mut self, protocol: Protocol, name: impl Into<String>, value: Value) {
        self.0.entry(protocol).or_default().insert(name.into(), value);
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, protocol: Protocol, name: &str) -> Option<&Value> {
        self.0.get(&protocol)?.get(name)
    }

    /// All values of one protocol.
    pub fn of(&self, protocol: Protocol) -> impl Iterator<Item = (&str, &Value)> {
        self.0.get(&protocol).into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    /// Every value, by protocol and name.
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, &str, &Value)> {
        self.0.iter().flat_map(|(protocol, values)| {
            values.iter().map(|(name, value)| (*protocol, name.as_str(), value))
        })
    }

    /// The named values of each protocol, for those who rewrite texts.
    pub fn fields_mut(&mut self) -> impl Iterator<Item = &mut Map<String, Value>> {
        self.0.values_mut()
    }

    /// Names that mean nothing to a speaker of `protocol`, for its report of what it ignored.
    pub fn foreign_to(&self, protocol: Protocol) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(of, ..)| *of != protocol).map(|(_, name, _)| name)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(Map::is_empty)
    }
}
