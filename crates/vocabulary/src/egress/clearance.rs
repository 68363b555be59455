//! What an engine may be told.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{DataClass, EngineName};

/// Where an engine stands under the law, in the operator's words: `eu`, `us-east-1`, `on-prem`.
/// Invariant: 1 to 64 of `a-z 0-9 -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Region(String);

/// A text is not a region.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a region: use 1 to 64 lower-case letters, digits or `-`, such as `eu`")]
pub struct InvalidRegion(String);

impl Region {
    /// Checks.
    ///
    /// # Errors
    /// When the text breaks the invariant.
    pub fn parse(text: &str) -> Result<Self, InvalidRegion> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRegion(text.chars().take(80).collect()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Whether asking an engine means that data leaves this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In this process.
    Here,
    /// Anywhere else, the next rack included.
    Remote,
}

/// What an engine may be told, and who and where it is. Set by the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineClearance {
    pub engine: EngineName,
    /// The highest class that may go there.
    pub clearance: DataClass,
    /// `None`: nobody said, so no rule about regions can hold.
    pub region: Option<Region>,
    /// Who runs it, such as `acme` or `openai`; `None`: nobody said.
    pub owner: Option<String>,
    pub place: Place,
}

impl EngineClearance {
    /// An engine in this process.
    #[must_use]
    pub const fn here(engine: EngineName, clearance: DataClass) -> Self {
        Self { engine, clearance, region: None, owner: None, place: Place::Here }
    }
}
