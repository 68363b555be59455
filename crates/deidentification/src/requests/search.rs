//! Counts what is in the leaves of a request.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{Leaf, LeafContent, Role};
use serde_json::Value;

use super::bytes;
use crate::detection::{Detector, Finding};
use crate::error::DeidentificationError;
use crate::recognisers::Kind;
use crate::redaction::resolve;
use crate::redaction::seams::{Said, of_conversation};

/// Texts that short may be pieces of one identifier.
const PIECE_BYTES_MAX: usize = 48;
/// So much of the pieces of one speaker is put together.
const CHAIN_BYTES_MAX: usize = 8 << 10;
/// `serde_json` reads no deeper.
const DEPTH_MAX: usize = 128;

/// What was found so far.
pub(super) struct Search<'a> {
    detector: &'a Detector,
    counts: BTreeMap<Kind, u64>,
}

impl<'a> Search<'a> {
    pub(super) fn new(detector: &'a Detector) -> Self {
        Self { detector, counts: BTreeMap::new() }
    }

    /// How often each kind was found; 0 if it only stands inside a longer finding.
    pub(super) fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    pub(super) fn leaves(&mut self, leaves: &[Leaf<'_>]) -> Result<(), DeidentificationError> {
        let said = said(leaves);
        let found = of_conversation(self.detector, &said)?;
        for (said, findings) in said.iter().zip(found) {
            self.count(said.text, findings);
        }
        for speaker in [Role::System, Role::User, Role::Assistant] {
            self.chain(&said, speaker)?;
        }
        for leaf in leaves {
            self.leaf(leaf)?;
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &Leaf<'_>) -> Result<(), DeidentificationError> {
        match &leaf.content {
            // Searched with its neighbours.
            LeafContent::Text(_) if leaf.speaker.is_some() => Ok(()),
            LeafContent::Text(text) => self.text("", text),
            LeafContent::Fixed(text) => self.text("", text),
            LeafContent::JsonText(text) => self.json_text(text),
            LeafContent::Json(value) => self.json("", value, 0),
            LeafContent::Fields(fields) => fields.iter().try_for_each(|(key, value)| {
                self.text("", key)?;
                self.json(key, value, 0)
            }),
            LeafContent::Pairs(pairs) => pairs.iter().try_for_each(|(key, value)| {
                self.text("", key)?;
                self.text(key, value)
            }),
            LeafContent::Bytes(data) => self.text("", &bytes::readable(data)?),
            LeafContent::Unseen => Ok(()),
        }
    }

    /// As JSON and as text: of two keys of one name a parser keeps one, and both leave.
    fn json_text(&mut self, text: &str) -> Result<(), DeidentificationError> {
        let (mut read, mut raw) = (Self::new(self.detector), Self::new(self.detector));
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            read.json("", &value, 0)?;
        }
        raw.text("", text)?;
        for (kind, count) in raw.counts {
            let known = read.counts.entry(kind).or_default();
            *known = (*known).max(count);
        }
        for (kind, count) in read.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        Ok(())
    }

    fn text(&mut self, heading: &str, text: &str) -> Result<(), DeidentificationError> {
        let findings = self.detector.find_under(heading, text)?;
        self.count(text, findings);
        Ok(())
    }

    fn json(
        &mut self,
        heading: &str,
        value: &Value,
        depth: usize,
    ) -> Result<(), DeidentificationError> {
        if depth > DEPTH_MAX {
            return Err(DeidentificationError::Limit {
                what: "the nesting of a JSON value".to_owned(),
                limit: DEPTH_MAX as u64,
                remedy: "flatten it",
            });
        }
        match value {
            Value::String(text) => self.text(heading, text),
            Value::Number(number) => self.text(heading, &number.to_string()),
            Value::Array(items) => {
                items.iter().try_for_each(|it| self.json(heading, it, depth + 1))
            }
            Value::Object(fields) => fields.iter().try_for_each(|(key, it)| {
                self.text("", key)?;
                self.json(key, it, depth + 1)
            }),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    /// An identifier in more than two pieces: what one speaker says in short texts, put together.
    fn chain(&mut self, said: &[Said<'_>], speaker: Role) -> Result<(), DeidentificationError> {
        let pieces = said.iter().filter(|it| it.speaker == Some(speaker));
        let pieces = pieces.map(|it| it.text.trim()).filter(|it| it.len() <= PIECE_BYTES_MAX);
        let pieces: Vec<&str> = pieces.collect();
        if pieces.len() < 3 {
            return Ok(());
        }
        for joint in ["", " "] {
            let mut chain = String::new();
            let mut borders = Vec::new();
            for piece in newest(&pieces, joint.len()) {
                chain.push_str(piece);
                borders.push(chain.len());
                chain.push_str(joint);
            }
            let mut findings = self.detector.find(&chain)?;
            let cut = |it: &Finding| {
                borders.iter().any(|border| it.span.start < *border && it.span.end > *border)
            };
            findings.retain(cut);
            if !findings.is_empty() {
                self.count(&chain, findings);
                break;
            }
        }
        Ok(())
    }

    fn count(&mut self, text: &str, findings: Vec<Finding>) {
        for finding in &findings {
            self.counts.entry(finding.kind).or_default();
        }
        for finding in resolve(text, findings) {
            *self.counts.entry(finding.kind).or_default() += 1;
        }
    }
}

/// What is said in the conversation.
pub(super) fn said<'a>(leaves: &'a [Leaf<'_>]) -> Vec<Said<'a>> {
    let said = leaves.iter().filter_map(|leaf| match &leaf.content {
        LeafContent::Text(text) if leaf.speaker.is_some() => {
            Some(Said { speaker: leaf.speaker, text })
        }
        _ => None,
    });
    said.collect()
}

/// The last pieces that fit, in their order: what a request adds is new, and older ones were searched
/// when they were.
fn newest<'a>(pieces: &'a [&'a str], joint: usize) -> &'a [&'a str] {
    let mut bytes = 0;
    let fits = pieces.iter().rev().take_while(|it| {
        bytes += it.len() + joint;
        bytes <= CHAIN_BYTES_MAX
    });
    &pieces[pieces.len() - fits.count()..]
}
