//! One conversation or document: its texts go out without identifiers, its answers come back
//! with them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::operators::{self, Work};
use super::placeholders::{Placeholders, shaped};
use super::restoring::{Escape, Restoring};
use super::{Key, Policy, resolve};
use crate::detection::{Detector, Finding, Form, Score};
use crate::error::DeidentificationError;
use crate::recognisers::Kind;

/// Replaces identifiers consistently across several texts and restores placeholders.
///
/// The same texts in the same order give the same placeholders, so a server need not keep one
/// between two requests of a conversation.
#[derive(Clone)]
pub struct Redactor {
    detector: Arc<Detector>,
    policy: Arc<Policy>,
    key: Option<Key>,
    subject: String,
    pub(super) placeholders: Placeholders,
    tally: Tally,
}

/// What was done so far; holds no content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Identifiers by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Identifiers by operator.
    pub operators: BTreeMap<&'static str, u64>,
    /// Identifiers that their operator could not read, by kind: they became placeholders.
    pub fallbacks: BTreeMap<&'static str, u64>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl Redactor {
    /// A new conversation or document.
    ///
    /// # Errors
    /// When the policy names an operator that needs a key and there is none.
    pub fn new(
        detector: Arc<Detector>,
        policy: Arc<Policy>,
        key: Option<Key>,
    ) -> Result<Self, DeidentificationError> {
        if let Some(operator) = policy.keyed().filter(|_| key.is_none()) {
            return Err(DeidentificationError::Request(format!(
                "the operator `{}` needs a key; make one with `openssl rand -hex 32`",
                operator.name
            )));
        }
        let (placeholders, tally) = (Placeholders::default(), Tally::default());
        Ok(Self { detector, policy, key, subject: String::new(), placeholders, tally })
    }

    /// Whose texts follow: dates of one subject are shifted alike.
    pub fn set_subject(&mut self, subject: &str) {
        subject.clone_into(&mut self.subject);
    }

    /// What was done so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The text without identifiers.
    ///
    /// # Errors
    /// When the text or the number of identifiers exceeds its limit.
    pub fn redact(&mut self, text: &str) -> Result<String, DeidentificationError> {
        self.redact_under("", text)
    }

    /// The same for a text under the name of its column or the key of its JSON value.
    ///
    /// # Errors
    /// As [`Redactor::redact`].
    pub fn redact_under(
        &mut self,
        heading: &str,
        text: &str,
    ) -> Result<String, DeidentificationError> {
        let findings = self.detector.find_under(heading, text)?;
        self.apply(text, findings)
    }

    /// The same with what others found: names and places from a span model.
    ///
    /// # Errors
    /// As [`Redactor::redact`].
    pub fn redact_with(
        &mut self,
        text: &str,
        others: Vec<Finding>,
    ) -> Result<String, DeidentificationError> {
        let mut findings = self.detector.find(text)?;
        findings.extend(others);
        self.apply(text, findings)
    }

    pub(crate) fn detector(&self) -> &Detector {
        &self.detector
    }

    pub(crate) fn apply(
        &mut self,
        text: &str,
        mut findings: Vec<Finding>,
    ) -> Result<String, DeidentificationError> {
        let literal = |span| Finding {
            kind: Kind::LITERAL,
            recogniser: "placeholder",
            span,
            score: Score::percent(100),
            form: Form::Plain,
        };
        findings.extend(shaped(text).into_iter().map(literal));
        if findings.is_empty() {
            return Ok(text.to_owned());
        }
        let mut safe = String::with_capacity(text.len());
        let mut at = 0;
        for finding in resolve(text, findings) {
            safe.push_str(&text[at..finding.span.start]);
            safe.push_str(&self.replace(finding.kind, &text[finding.span.clone()])?);
            at = finding.span.end;
        }
        safe.push_str(&text[at..]);
        Ok(safe)
    }

    fn replace(&mut self, kind: Kind, text: &str) -> Result<String, DeidentificationError> {
        let operator = self.policy.operator(kind);
        let mut work = Work {
            kind,
            text,
            key: self.key.as_ref(),
            subject: &self.subject,
            dates: self.policy.dates,
            placeholders: &mut self.placeholders,
        };
        let (operator, replacement) = match (operator.apply)(&mut work)? {
            Some(replacement) => (operator, replacement),
            None => {
                *self.tally.fallbacks.entry(kind.as_str()).or_default() += 1;
                (&operators::REPLACE, self.placeholders.of(kind, text)?)
            }
        };
        *self.tally.kinds.entry(kind.as_str()).or_default() += 1;
        *self.tally.operators.entry(operator.name).or_default() += 1;
        Ok(replacement)
    }

    /// The text with the originals in place of their placeholders. What looks like a placeholder
    /// and is none of ours stays.
    #[must_use]
    pub fn restore(&self, text: &str) -> String {
        let mut restoring = self.restoring(Escape::None);
        let mut restored = restoring.push(text);
        restored.push_str(&restoring.finish());
        restored
    }

    /// The same for a text that comes in pieces.
    #[must_use]
    pub fn restoring(&self, escape: Escape) -> Restoring {
        Restoring::new(&self.placeholders, escape)
    }
}
