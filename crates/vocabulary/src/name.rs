//! Names of tasks, datasets, aliases and engines.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name. Invariant: 1 to 64 of `a-z 0-9 - _ .`, starting with a letter or a digit, so that it
/// is safe in paths, URLs, TOML keys and OCI references.
pub struct Name<Of> {
    text: String,
    of: PhantomData<fn() -> Of>,
}

/// A text cannot be a name.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a name: use 1 to 64 lower-case letters, digits, `-`, `_` or `.`, starting with a letter or digit"
)]
pub struct InvalidName(String);

impl<Of> Name<Of> {
    /// Checks.
    ///
    /// # Errors
    /// When the text breaks the invariant.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(allowed)
            && text.as_bytes()[0].is_ascii_alphanumeric();
        if valid {
            Ok(Self { text: text.to_owned(), of: PhantomData })
        } else {
            Err(InvalidName(text.chars().take(80).collect()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

// Derived implementations would ask the same of the marker, which has no values.
impl<Of> Clone for Name<Of> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), of: PhantomData }
    }
}
impl<Of> PartialEq for Name<Of> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl<Of> Eq for Name<Of> {}
impl<Of> PartialOrd for Name<Of> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<Of> Ord for Name<Of> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
impl<Of> std::hash::Hash for Name<Of> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
impl<Of> fmt::Debug for Name<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
impl<Of> fmt::Display for Name<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl<Of> std::str::FromStr for Name<Of> {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}
impl<Of> Serialize for Name<Of> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
impl<'de, Of> Deserialize<'de> for Name<Of> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Marks names of tasks.
#[derive(Debug)]
pub enum OfTask {}
/// Marks names of datasets.
#[derive(Debug)]
pub enum OfDataset {}
/// Marks names of aliases.
#[derive(Debug)]
pub enum OfAlias {}
/// Marks names of engines.
#[derive(Debug)]
pub enum OfEngine {}

/// `ticket-triage`
pub type TaskName = Name<OfTask>;
/// `tickets`
pub type DatasetName = Name<OfDataset>;
/// `champion` in `ticket-triage@champion`
pub type AliasName = Name<OfAlias>;
/// `openai` in `[engines.openai]`
pub type EngineName = Name<OfEngine>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_paths() {
        for bad in ["", "..", "-x", "A", "a/b", "a b", &"a".repeat(65)] {
            assert!(TaskName::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(TaskName::parse("ticket-triage.v2").unwrap().as_str(), "ticket-triage.v2");
    }
}
