//! Identifiers that are cut in two by the border between two messages.

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
        let mut findings = Vec::with_capacity(texts.len());
        for text in texts {
            findings.push(self.detector().find(text)?);
        }
        for at in 1..texts.len() {
            let (before, after) = (texts[at - 1], texts[at]);
            for joint in ["", " "] {
                for (left, right) in across(self.detector(), before, joint, after)? {
                    findings[at - 1].push(left);
                    findings[at].push(right);
                }
            }
        }
        texts.iter().zip(findings).map(|(text, found)| self.apply(text, found)).collect()
    }
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
