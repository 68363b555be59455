//! Takes identifiers out of a request and puts them back into its answer.

use std::collections::BTreeMap;
use std::fmt;

use freehold_vocabulary::audit::Word;
use freehold_vocabulary::chat::{Leaf, LeafContent};
use freehold_vocabulary::ports::{Redaction, Restore, Unsearched, Within};
use serde_json::{Map, Value};

use super::search::said;
use super::{unsearched, word};
use crate::error::DeidentificationError;
use crate::recognisers::Kind;
use crate::redaction::seams::of_conversation;
use crate::redaction::{Escape, Redactor, Restoring};

/// One request.
pub(super) struct Redacting {
    redactor: Redactor,
}

impl fmt::Debug for Redacting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redacting").field("redactor", &self.redactor).finish()
    }
}

impl Redacting {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self { redactor }
    }

    fn leaf(&mut self, leaf: &mut LeafContent<'_>) -> Result<(), DeidentificationError> {
        let redactor = &mut self.redactor;
        match leaf {
            LeafContent::Text(text) => **text = redactor.redact(text)?,
            LeafContent::JsonText(text) => **text = redactor.redact_arguments(text)?,
            LeafContent::Json(value) => redactor.redact_json(value)?,
            LeafContent::Fields(fields) => **fields = redacted(redactor, std::mem::take(*fields))?,
            LeafContent::Pairs(pairs) => {
                let values = std::mem::take(*pairs).into_iter();
                let values = values.map(|(key, value)| (key, Value::String(value))).collect();
                let texts = redacted(redactor, values)?.into_iter().map(|(key, value)| {
                    // Strings stay strings.
                    (key, value.as_str().unwrap_or_default().to_owned())
                });
                **pairs = texts.collect();
            }
            // Words that must stay; what is in them is found again, and counts.
            LeafContent::Fixed(_) | LeafContent::Bytes(_) | LeafContent::Unseen => {}
        }
        Ok(())
    }
}

/// The keys of one level are names that a protocol gave: they stay if nothing is found in them.
fn redacted(
    redactor: &mut Redactor,
    fields: Map<String, Value>,
) -> Result<Map<String, Value>, DeidentificationError> {
    let mut value = Value::Object(fields);
    redactor.redact_json(&mut value)?;
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

impl Redaction for Redacting {
    fn redact(&mut self, leaves: &mut [Leaf<'_>]) -> Result<(), Unsearched> {
        let found = of_conversation(self.redactor.detector(), &said(leaves)).map_err(unsearched)?;
        let mut found = found.into_iter();
        for leaf in leaves {
            match &mut leaf.content {
                LeafContent::Text(text) if leaf.speaker.is_some() => {
                    let findings = found.next().unwrap_or_default();
                    **text = self.redactor.apply(text, findings).map_err(unsearched)?;
                }
                content => self.leaf(content).map_err(unsearched)?,
            }
        }
        Ok(())
    }

    fn replaced(&self) -> BTreeMap<Word, u64> {
        let kinds = self.redactor.tally().kinds.iter();
        let kinds = kinds.filter_map(|(kind, count)| Some((word(Kind::parse(kind)?), *count)));
        kinds.collect()
    }

    fn restoring(&self, within: Within) -> Box<dyn Restore> {
        Box::new(self.redactor.restoring(match within {
            Within::Text => Escape::None,
            Within::Json => Escape::Json,
        }))
    }

    fn restore_json(&self, value: &mut Value) {
        self.redactor.restore_json(value);
    }
}

impl Restore for Restoring {
    fn push(&mut self, piece: &str) -> String {
        Self::push(self, piece)
    }

    fn finish(&mut self) -> String {
        Self::finish(self)
    }
}
