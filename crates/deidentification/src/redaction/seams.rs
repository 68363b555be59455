//! Identifiers that are cut in two by the border between two messages.

use freehold_vocabulary::chat::Role;

use crate::detection::{Detector, Finding};
use crate::error::DeidentificationError;

use super::Redactor;

/// How much of each neighbour is looked at.
const REACH: usize = 80;

impl Redactor {
    /// The texts of a conversation without identifiers, those across the border between two
    /// neighbours included. Longer chains of cuts are not followed.
    ///
    /// # Errors
    /// As [`Redactor::redact`].
    pub fn redact_all(&mut self, texts: &[&str]) -> Result<Vec<String>, DeidentificationError> {
        let said: Vec<Said<'_>> = texts.iter().map(|text| Said { speaker: None, text }).collect();
        let findings = of_conversation(self.detector(), &said)?;
        texts.iter().zip(findings).map(|(text, found)| self.apply(text, found)).collect()
    }
}

/// A text of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) speaker: Option<Role>,
    pub(crate) text: &'a str,
}

/// What is found in each text, parts of what is cut in two between it and the one before it, or
/// the one that the same speaker said before it, included.
pub(crate) fn of_conversation(
    detector: &Detector,
    said: &[Said<'_>],
) -> Result<Vec<Vec<Finding>>, DeidentificationError> {
    let mut findings = Vec::with_capacity(said.len());
    for it in said {
        findings.push(detector.find(it.text)?);
    }
    for (at, after) in said.iter().enumerate().skip(1) {
        let own = said[..at].iter().rposition(|it| it.speaker == after.speaker);
        for before in std::iter::once(at - 1).chain(own.filter(|it| *it + 1 < at)) {
            for joint in ["", " "] {
                let found = across(detector, said[before].text, joint, after.text)?;
                for (left, right) in found {
                    findings[before].push(left);
                    findings[at].push(right);
                }
            }
        }
    }
    Ok(findings)
}

/// Findings in the joined ends, each as its part in either text.
fn across(
    detector: &Detector,
    before: &str,
    joint: &str,
    after: &str,
) -> Result<Vec<(Finding, Finding)>, DeidentificationError> {
    let tail = before.floor_char_boundary(before.len().saturating_sub(REACH));
    let head = after.ceil_char_boundary(REACH.min(after.len()));
    let joined = [&before[tail..], joint, &after[..head]].concat();
    let border = before.len() - tail;
    let behind = border + joint.len();
    let found = detector.find(&joined)?.into_iter();
    Ok(found
        .filter(|it| it.span.start < border && it.span.end > behind)
        .map(|it| {
            let left = Finding { span: tail + it.span.start..before.len(), ..it.clone() };
            let right = Finding { span: 0..it.span.end - behind, ..it };
            (left, right)
        })
        .collect())
}
