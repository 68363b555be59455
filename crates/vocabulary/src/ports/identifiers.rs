//! Something that finds identifiers and secrets in requests, and takes them out.

use std::collections::BTreeMap;
use std::fmt;

use crate::DataClass;
use crate::audit::Word;
use crate::chat::Leaf;

/// Finds identifiers of people and secrets. Deterministic; never logs or keeps what it reads.
pub trait Identifiers: Send + Sync + fmt::Debug {
    /// What is in these texts.
    ///
    /// # Errors
    /// When they cannot be searched to the end. Then nobody knows what is in them.
    fn inspect(&self, leaves: &[Leaf<'_>]) -> Result<Found, Unsearched>;

    /// A fresh start: placeholders are counted anew for each request, and since requests repeat
    /// their conversation, they are the same throughout it.
    fn redaction(&self) -> Box<dyn Redaction>;
}

/// What was found, never where or which values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many of each kind, and the class that one of them gives.
    pub kinds: BTreeMap<Word, Seen>,
    /// The class of a request in which something cannot be looked into, if there is such a thing
    /// and the operator gave it a class.
    pub unseen: Option<DataClass>,
}

/// How often a kind was found, and what it makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub count: u64,
    pub class: DataClass,
}

/// A text could not be searched; the sentence names the limit, not the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsearched(pub String);

/// The identifiers of one request, taken out and put back.
pub trait Redaction: Send + Sync + fmt::Debug {
    /// Replaces identifiers by placeholders in every leaf that may be rewritten.
    ///
    /// # Errors
    /// When a text cannot be searched to the end. Then it must not be sent.
    fn redact(&mut self, leaves: &mut [Leaf<'_>]) -> Result<(), Unsearched>;

    /// How many of each kind were replaced.
    fn replaced(&self) -> BTreeMap<Word, u64>;

    /// Puts originals back into one text of the answer, which comes in pieces.
    fn restoring(&self, within: Within) -> Box<dyn Restore>;

    /// Puts them back into a JSON value.
    fn restore_json(&self, value: &mut serde_json::Value);
}

/// Where a restored text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    Text,
    /// A JSON document, in whose strings originals are escaped.
    Json,
}

/// One text that comes in pieces.
pub trait Restore: Send + Sync + fmt::Debug {
    /// What is certain after this piece.
    fn push(&mut self, piece: &str) -> String;
    /// What was held back; afterwards a new text begins.
    fn finish(&mut self) -> String;
}
