//! Puts originals back into a stream, however it is cut.
//!
//! Only what may still become one of our placeholders is held back: a few bytes after a `<`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use super::placeholders::Placeholders;

/// Where the restored text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escape {
    /// In plain text.
    #[default]
    None,
    /// Inside a string of a JSON document, as in the arguments of a tool call: originals are
    /// escaped, and `\u003c` counts as `<`.
    Json,
}

/// The state of one stream.
#[derive(Clone)]
pub struct Restoring {
    /// What to look for and what to write instead; none is the beginning of another.
    replacements: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The beginning of a placeholder, perhaps.
    held: Vec<u8>,
}

impl fmt::Debug for Restoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restoring").field("held_bytes", &self.held.len()).finish_non_exhaustive()
    }
}

impl Restoring {
    pub(super) fn new(placeholders: &Placeholders, escape: Escape) -> Self {
        let mut replacements = BTreeMap::new();
        for (placeholder, original) in placeholders.iter() {
            let original = match escape {
                Escape::None => original.text.clone(),
                Escape::Json => escaped(&original.text),
            };
            if escape == Escape::Json {
                let name = placeholder.trim_matches(['<', '>']);
                for (open, close) in [("\\u003c", "\\u003e"), ("\\u003C", "\\u003E")] {
                    let spelling = format!("{open}{name}{close}").into_bytes();
                    replacements.insert(spelling, original.clone().into_bytes());
                }
            }
            replacements.insert(placeholder.as_bytes().to_vec(), original.into_bytes());
        }
        Self { replacements, held: Vec::new() }
    }

    /// Takes the next piece and gives what is certain by now.
    pub fn push(&mut self, piece: &str) -> String {
        let restored = self.push_bytes(piece.as_bytes());
        // Only ASCII is held back or cut, so whole characters in are whole characters out.
        String::from_utf8(restored).expect("placeholders are ASCII and originals are text")
    }

    /// The same for pieces that may be cut inside a character.
    pub fn push_bytes(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut restored = Vec::with_capacity(piece.len() + self.held.len());
        let mut at = 0;
        while at < piece.len() {
            if self.held.is_empty() {
                let plain = piece[at..].iter().position(|it| matches!(it, b'<' | b'\\'));
                let plain = plain.unwrap_or(piece.len() - at);
                restored.extend_from_slice(&piece[at..at + plain]);
                at += plain;
            }
            if let Some(byte) = piece.get(at) {
                self.held.push(*byte);
                self.settle(&mut restored);
                at += 1;
            }
        }
        restored
    }

    /// What was held back at the end of the stream.
    pub fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        String::from_utf8(held).expect("only ASCII is held back")
    }

    /// Writes what can no longer become a placeholder, and what has become one.
    fn settle(&mut self, restored: &mut Vec<u8>) {
        while !self.held.is_empty() {
            let from = (Bound::Included(self.held.as_slice()), Bound::Unbounded);
            let next = self.replacements.range::<[u8], _>(from).next();
            match next {
                Some((found, original)) if *found == self.held => {
                    restored.extend_from_slice(original);
                    self.held.clear();
                }
                Some((candidate, _)) if candidate.starts_with(&self.held) => return,
                _ => restored.push(self.held.remove(0)),
            }
        }
    }
}

/// A text as it stands inside the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
