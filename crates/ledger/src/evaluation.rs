//! Evaluations: which report backs which version, with its headline figure.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::{Digest, Interval, Metric, Split, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{LedgerError, Written};

/// One judgement of one version on one split of one dataset version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRow {
    pub version: Digest,
    pub dataset: Digest,
    pub split: Split,
    /// The whole report in the artifact store.
    pub report: Digest,
    pub at: Timestamp,
    /// What the headline measures.
    pub metric: Metric,
    pub headline: Interval,
}

/// Which evaluations there are.
#[async_trait]
pub trait EvaluationRepository: Send + Sync + fmt::Debug {
    /// Records a judgement; the same version and report again changes nothing.
    ///
    /// # Errors
    /// `Invalid` when the headline holds a number that is not finite.
    async fn record_evaluation(&self, row: &EvaluationRow) -> Result<Written, LedgerError>;

    /// Every judgement of a version, newest first.
    async fn evaluations_of(&self, version: &Digest) -> Result<Vec<EvaluationRow>, LedgerError>;
}

impl EvaluationRow {
    /// Refuses what no adapter keeps.
    ///
    /// # Errors
    /// When the headline holds a number that is not finite.
    pub fn check(&self) -> Result<(), LedgerError> {
        let Interval { estimate, low, high, level, .. } = self.headline;
        if [estimate, low, high, level].iter().all(|number| number.is_finite()) {
            Ok(())
        } else {
            let why = format!("{estimate} [{low}, {high}] at {level} is not a finite interval");
            Err(LedgerError::Invalid { what: "the headline of an evaluation", why })
        }
    }
}
