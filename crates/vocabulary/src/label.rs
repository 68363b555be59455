//! Labels and the ordered set of them that a task knows.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One answer of a classification task. Invariant: trimmed, not empty, at most 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// A text cannot be a label.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a label: expected 1 to 256 bytes without control characters")]
pub struct InvalidLabel(String);

impl Label {
    /// Longest label in bytes.
    pub const BYTES_MAX: usize = 256;

    /// Trims and checks.
    ///
    /// # Errors
    /// When nothing is left, when it is too long, or when it holds control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidLabel> {
        let trimmed = text.trim();
        let valid = !trimmed.is_empty()
            && trimmed.len() <= Self::BYTES_MAX
            && !trimmed.chars().any(char::is_control);
        if valid {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(InvalidLabel(text.chars().take(80).collect()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Whether exactly one label is right or any number may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelMode {
    /// Softmax over the labels.
    #[default]
    Single,
    /// A sigmoid for each label.
    Multi,
}

/// The labels of a task in a fixed order: position `i` is logit `i`. No label occurs twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    labels: Vec<Label>,
    index: HashMap<Label, u32>,
}

/// A list of labels is not a set.
#[derive(Debug, thiserror::Error)]
#[error("label `{0}` occurs twice")]
pub struct DuplicateLabel(Label);

impl LabelSet {
    /// Keeps the given order.
    ///
    /// # Errors
    /// When a label occurs twice.
    pub fn new(labels: Vec<Label>) -> Result<Self, DuplicateLabel> {
        let mut index = HashMap::with_capacity(labels.len());
        for (position, label) in (0u32..).zip(&labels) {
            if index.insert(label.clone(), position).is_some() {
                return Err(DuplicateLabel(label.clone()));
            }
        }
        Ok(Self { labels, index })
    }

    /// Sorted and without repetition: the canonical order for a data set.
    #[must_use]
    pub fn sorted(labels: impl IntoIterator<Item = Label>) -> Self {
        let unique: std::collections::BTreeSet<Label> = labels.into_iter().collect();
        let labels: Vec<Label> = unique.into_iter().collect();
        let index = labels.iter().cloned().zip(0u32..).collect();
        Self { labels, index }
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The position of a label.
    #[must_use]
    pub fn index_of(&self, label: &Label) -> Option<u32> {
        self.index.get(label).copied()
    }

    /// The label at a position.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&Label> {
        self.labels.get(index as usize)
    }

    /// All labels in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Label] {
        &self.labels
    }
}

impl Serialize for LabelSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.labels.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LabelSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
