//! Certificates: the statistical statement that lets a tier keep its answers.
//!
//! "Of the answers counted, at most a share α is wrong": true for all tiers of the cascade together
//! with the stated confidence, over the draw of the calibration examples, as long as requests come
//! like those examples. Which answers are counted is the task's choice: see [`PromiseScope`]. How it is
//! proved is told in [`proof`]; that it holds is shown by [`validity`].

pub mod proof;
pub mod validity;

use freehold_vocabulary::{
    Confidence, Digest, Probability, PromiseScope, TaskName, Tier, Timestamp,
};
use serde::{Deserialize, Serialize};

pub use proof::{Finding, Row, Shortfall, Tally, certify, divide};
pub use validity::{Repeats, ValidityReport, repeat_splits};

/// What is to be proved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// α: the share of the answers counted that may be wrong.
    pub error_at_most: Probability,
    /// 1 − δ: how sure one is of all statements of a cascade together.
    pub confidence: Confidence,
    /// Which answers are counted.
    pub promise: PromiseScope,
}

/// The statement about one tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The digest of all other fields.
    pub id: Digest,
    pub task: TaskName,
    pub tier: Tier,
    /// The model version that answers, as it was when it was calibrated.
    pub model: Digest,
    pub dataset: Digest,
    pub calibrated_at: Timestamp,
    /// The certificates of the tiers before this one: the statement is about what they pass on,
    /// and falls with them.
    pub after: Vec<Digest>,
    pub terms: Terms,
    pub finding: Finding,
}

/// All fields of a certificate but its id, in their order.
#[derive(Debug, Serialize)]
struct Content<'a> {
    task: &'a TaskName,
    tier: Tier,
    model: &'a Digest,
    dataset: &'a Digest,
    calibrated_at: Timestamp,
    after: &'a [Digest],
    terms: &'a Terms,
    finding: &'a Finding,
}

/// What a certificate is about.
#[derive(Debug, Clone)]
pub struct Subject {
    pub task: TaskName,
    pub tier: Tier,
    pub model: Digest,
    pub dataset: Digest,
    pub calibrated_at: Timestamp,
    pub after: Vec<Digest>,
}

impl Certificate {
    /// Puts a finding on record.
    #[must_use]
    pub fn new(subject: Subject, terms: Terms, finding: Finding) -> Self {
        let Subject { task, tier, model, dataset, calibrated_at, after } = subject;
        let id = Digest::of(b"");
        let mut certificate =
            Self { id, task, tier, model, dataset, calibrated_at, after, terms, finding };
        certificate.id = certificate.digest();
        certificate
    }

    /// Whether the id is that of the content: a changed certificate is no certificate.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.id == self.digest()
    }

    fn digest(&self) -> Digest {
        let content = Content {
            task: &self.task,
            tier: self.tier,
            model: &self.model,
            dataset: &self.dataset,
            calibrated_at: self.calibrated_at,
            after: &self.after,
            terms: &self.terms,
            finding: &self.finding,
        };
        Digest::of(serde_json::to_vec(&content).expect("a certificate serialises"))
    }

    /// The confidence from which answers are kept; none keeps nothing.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.finding.threshold
    }

    /// The statement in words for people.
    #[must_use]
    pub fn statement(&self) -> String {
        let error = 100.0 * self.terms.error_at_most.get();
        let finding = &self.finding;
        match (finding.threshold, &finding.shortfall) {
            (Some(threshold), _) => self.kept_statement(threshold),
            (None, Some(Shortfall::TooFewExamples { found, needed })) => format!(
                "tier {} keeps nothing: {found} calibration examples can be counted, at least \
                 {needed} are needed to prove at most {error:.2} % errors; label more",
                self.tier,
            ),
            (None, Some(Shortfall::LeftToLaterTiers)) => format!(
                "tier {} keeps nothing: more is answered in all when the tiers after it take its \
                 requests",
                self.tier,
            ),
            (None, _) => format!(
                "tier {} keeps nothing: no part of its answers is proved to hold at most \
                 {error:.2} % errors; allow more errors, train better or label more calibration \
                 examples",
                self.tier,
            ),
        }
    }

    fn kept_statement(&self, threshold: f64) -> String {
        let Finding { n, kept, errors, counted, .. } = &self.finding;
        let tier = self.tier;
        let promise = format!(
            "at most {:.2} % are wrong, with confidence {:.1} %",
            100.0 * self.terms.error_at_most.get(),
            100.0 * self.terms.confidence.get()
        );
        if self.terms.promise == PromiseScope::Route && !self.after.is_empty() {
            format!(
                "of the answers that tier {tier} and the tiers before it keep ({tier}: confidence \
                 at least {threshold:.4}), {promise}: {} of {} kept answers were wrong on \
                 calibration examples, of which {tier} kept {kept} of the {n} that reached it, \
                 {errors} wrong",
                counted.errors, counted.answers,
            )
        } else {
            format!(
                "of the answers that tier {tier} keeps (confidence at least {threshold:.4}), \
                 {promise}: {errors} of {kept} kept answers were wrong on {n} calibration examples"
            )
        }
    }
}
