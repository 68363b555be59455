//! What a model said about examples whose truth is known: the raw material of every policy.

use freehold_vocabulary::LabelMode;
use freehold_vocabulary::ports::Scored;

use crate::RoutingError;

/// A model's words about one example, beside the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub scored: Scored,
    /// Positions of the right labels. Empty in a single-label task means out of scope: every
    /// answer to it is an error.
    pub gold: Vec<u32>,
}

impl Observation {
    /// Whether no label of a single-label task applies.
    #[must_use]
    pub fn is_out_of_scope(&self, mode: LabelMode) -> bool {
        mode == LabelMode::Single && self.gold.is_empty()
    }

    /// Whether this answer is right: the one label, or exactly the set of labels.
    #[must_use]
    pub fn is_answered_by(&self, labels: &[u32]) -> bool {
        labels.is_empty() == self.gold.is_empty()
            && labels.iter().all(|label| self.gold.contains(label))
            && self.gold.iter().all(|label| labels.contains(label))
    }
}

/// Refuses observations that cannot come from one model with that many labels.
///
/// # Errors
/// When logits or embeddings differ in length or are not finite, or a label is unknown.
pub fn check_observations(
    part: &'static str,
    observations: &[Observation],
    labels: usize,
    mode: LabelMode,
) -> Result<(), RoutingError> {
    let width = observations.first().map_or(0, |it| it.scored.embedding.len());
    let problem = |it: &Observation| {
        let (logits, embedding) = (&it.scored.logits, &it.scored.embedding);
        if logits.len() != labels {
            Some(format!("has {} logits for {labels} labels", logits.len()))
        } else if embedding.len() != width {
            Some(format!("has an embedding of {} numbers, not {width}", embedding.len()))
        } else if !logits.iter().chain(embedding).all(|x| x.is_finite()) {
            Some("holds a number that is not finite".to_owned())
        } else if let Some(label) = it.gold.iter().find(|label| **label as usize >= labels) {
            Some(format!("has label number {label} of only {labels} labels"))
        } else if mode == LabelMode::Single && it.gold.len() > 1 {
            Some(format!("has {} labels in a single-label task", it.gold.len()))
        } else {
            None
        }
    };
    let found = observations.iter().map(problem).enumerate().find(|(_, it)| it.is_some());
    match found {
        Some((position, problem)) => {
            Err(RoutingError::Observation { part, position, problem: problem.unwrap_or_default() })
        }
        None => Ok(()),
    }
}
