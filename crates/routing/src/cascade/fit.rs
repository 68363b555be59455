//! From what the tiers said about labelled examples to a policy for each.
//!
//! The calibration examples are divided once for all tiers: one part fits everything that can be
//! fitted, the other proves (see [`crate::certificate::proof`]). Test examples have no place here.

use freehold_evaluation::intervals::wilson;
use freehold_vocabulary::{
    Confidence, Digest, Interval, LabelMode, Probability, Seed, TaskName, Tier, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::TierPolicy;
use crate::calibration::{self, CalibrationReport};
use crate::certificate::{Finding, Row, Subject, Terms, certify, divide};
use crate::conformal::{Grouping, SetScore};
use crate::decision::decide;
use crate::observation::check_observations;
use crate::ood::OodReport;
use crate::{Calibration, Certificate, Conformal, Observation, OodGate, RoutingError};

/// What one tier said.
#[derive(Debug, Clone, Copy)]
pub struct TierInput<'a> {
    pub tier: Tier,
    pub model: &'a Digest,
    /// Training examples, for the stranger detector; without any there is none.
    pub train: &'a [Observation],
    /// The calibration examples, the same for every tier, in the same order. Out-of-scope rows
    /// belong here in the share in which they come in production.
    pub calibration: &'a [Observation],
    /// More out-of-scope rows, which choose the detector and touch nothing else.
    pub strangers: &'a [Observation],
}

/// What is to be fitted.
#[derive(Debug, Clone)]
pub struct CascadeRequest<'a> {
    pub task: TaskName,
    pub mode: LabelMode,
    /// How many labels the task has.
    pub labels: usize,
    pub dataset: Digest,
    pub terms: Terms,
    /// Share of in-scope requests that may be taken for strangers.
    pub false_alarm_rate: Probability,
    /// Share of prediction sets that may miss the truth.
    pub set_miss_at_most: Probability,
    pub seed: Seed,
    pub at: Timestamp,
    /// From the cheapest.
    pub tiers: &'a [TierInput<'a>],
}

/// The policies, in the order of the tiers, and how they came about.
#[derive(Debug, Clone)]
pub struct FittedCascade {
    pub policies: Vec<TierPolicy>,
    pub report: CascadeReport,
}

/// How a cascade came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CascadeReport {
    pub planning_examples: u64,
    pub proof_examples: u64,
    /// Share of the proof examples whose answer some tier keeps.
    pub answered: Interval,
    pub tiers: Vec<TierReport>,
}

/// How one tier's policy came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierReport {
    pub tier: Tier,
    pub statement: String,
    pub finding: Finding,
    pub calibration: CalibrationReport,
    pub ood: Option<OodReport>,
    /// Why there are no prediction sets, if there are none.
    pub without_sets: Option<String>,
}

/// Fits a cascade; a single model is a cascade of one.
///
/// Too little data is no error: the certificate then says what is missing, and keeps nothing.
///
/// # Errors
/// When the observations do not fit the task or each other.
pub fn fit_cascade(request: &CascadeRequest<'_>) -> Result<FittedCascade, RoutingError> {
    check(request)?;
    let n = request.tiers[0].calibration.len();
    let (planning, proof) = divide(n, request.seed);
    let mut policies = Vec::with_capacity(request.tiers.len());
    let (mut planning_rows, mut proof_rows) = (Vec::new(), Vec::new());
    for input in request.tiers {
        let pick = |positions: &[usize]| -> Vec<Observation> {
            positions.iter().map(|&it| input.calibration[it].clone()).collect()
        };
        let planned = pick(&planning);
        let policy = plan_tier(request, input, &planned)?;
        planning_rows.push(rows_of(&policy, &planned));
        proof_rows.push(rows_of(&policy, &pick(&proof)));
        policies.push(policy);
    }
    let findings = certify(&planning_rows, &proof_rows, request.terms);
    let tiers = seal(request, &mut policies, &proof, &proof_rows, findings);
    let kept: u64 = tiers.iter().map(|it| it.finding.kept).sum();
    let report = CascadeReport {
        planning_examples: planning.len() as u64,
        proof_examples: proof.len() as u64,
        answered: wilson(kept, proof.len() as u64, Confidence::P95),
        tiers,
    };
    Ok(FittedCascade { policies, report })
}

fn check(request: &CascadeRequest<'_>) -> Result<(), RoutingError> {
    let Some(first) = request.tiers.first() else {
        return Err(RoutingError::TooFew { what: "tiers of the cascade", found: 0, needed: 1 });
    };
    for input in request.tiers {
        let parts = [
            ("training", input.train),
            ("calibration", input.calibration),
            ("out-of-scope", input.strangers),
        ];
        for (part, observations) in parts {
            check_observations(part, observations, request.labels, request.mode)?;
        }
        let pairs = first.calibration.iter().zip(input.calibration);
        let differs = |it: (&Observation, &Observation)| it.0.gold != it.1.gold;
        let same_length = first.calibration.len() == input.calibration.len();
        let position = pairs.into_iter().position(differs);
        if position.is_some() || !same_length {
            return Err(RoutingError::Observation {
                part: "calibration",
                position: position.unwrap_or(first.calibration.len().min(input.calibration.len())),
                problem: format!("of tier {} is not that of tier {}", input.tier, first.tier),
            });
        }
        let widths = input.train.first().map(|it| it.scored.embedding.len());
        for (part, observations) in &parts[1..] {
            let other = observations.first().map(|it| it.scored.embedding.len());
            if widths.zip(other).is_some_and(|(a, b)| a != b) {
                let problem = "has an embedding of another width than the training part".to_owned();
                return Err(RoutingError::Observation { part, position: 0, problem });
            }
        }
    }
    Ok(())
}

/// Everything but the certificate and the prediction sets.
fn plan_tier(
    request: &CascadeRequest<'_>,
    input: &TierInput<'_>,
    planned: &[Observation],
) -> Result<TierPolicy, RoutingError> {
    let mode = request.mode;
    let in_scope = planned.iter().filter(|it| !it.is_out_of_scope(mode)).count();
    let calibration = if in_scope < calibration::EXAMPLES_MIN {
        Calibration::none(mode)
    } else {
        Calibration::fit(mode, planned, request.seed)?
    };
    let ood = if in_scope == 0 || input.train.iter().all(|it| it.is_out_of_scope(mode)) {
        None
    } else {
        let rate = request.false_alarm_rate;
        Some(OodGate::fit(mode, input.train, planned, input.strangers, rate)?)
    };
    let labels = request.labels;
    Ok(TierPolicy { mode, labels, calibration, ood, conformal: None, certificate: None })
}

/// The answers of a policy as the certificates see them.
#[must_use]
pub fn rows_of(policy: &TierPolicy, observations: &[Observation]) -> Vec<Row> {
    let row = |it: &Observation| {
        let decision = decide(policy.mode, &policy.calibration.probabilities(&it.scored.logits));
        let strange =
            policy.ood.as_ref().is_some_and(|gate| gate.is_strange(gate.score(&it.scored)));
        Row {
            score: if strange { f64::NEG_INFINITY } else { decision.confidence },
            wrong: !it.is_answered_by(&decision.labels),
        }
    };
    observations.iter().map(row).collect()
}

/// Adds certificates and prediction sets, tier by tier.
fn seal(
    request: &CascadeRequest<'_>,
    policies: &mut [TierPolicy],
    proof: &[usize],
    proof_rows: &[Vec<Row>],
    findings: Vec<Finding>,
) -> Vec<TierReport> {
    let mut reaching: Vec<usize> = (0..proof.len()).collect();
    let mut after: Vec<Digest> = Vec::new();
    let mut reports = Vec::with_capacity(policies.len());
    for (tier, (policy, finding)) in policies.iter_mut().zip(findings).enumerate() {
        let input = &request.tiers[tier];
        let sets =
            fit_sets(request, policy, reaching.iter().map(|&it| &input.calibration[proof[it]]));
        let without_sets = sets.as_ref().err().map(ToString::to_string);
        policy.conformal = sets.ok();
        let subject = Subject {
            task: request.task.clone(),
            tier: input.tier,
            model: input.model.clone(),
            dataset: request.dataset.clone(),
            calibrated_at: request.at,
            after: after.clone(),
        };
        if let Some(threshold) = finding.threshold {
            reaching.retain(|&it| proof_rows[tier][it].score < threshold);
        }
        let certificate = Certificate::new(subject, request.terms, finding.clone());
        after.push(certificate.id.clone());
        reports.push(TierReport {
            tier: input.tier,
            statement: certificate.statement(),
            finding,
            calibration: policy.calibration.report.clone(),
            ood: policy.ood.as_ref().map(|it| it.report.clone()),
            without_sets,
        });
        policy.certificate = Some(certificate);
    }
    reports
}

/// Sets for the requests that reach the tier. After the first tier the coverage is approximate:
/// which examples reach it was decided with their own labels.
fn fit_sets<'a>(
    request: &CascadeRequest<'_>,
    policy: &TierPolicy,
    observations: impl Iterator<Item = &'a Observation>,
) -> Result<Conformal, RoutingError> {
    let example =
        |it: &Observation| (policy.calibration.probabilities(&it.scored.logits), it.gold.clone());
    let examples: Vec<(Vec<f64>, Vec<u32>)> = observations.map(example).collect();
    let (score, grouping) = (SetScore::LeastAmbiguous, Grouping::Marginal);
    Conformal::fit(request.mode, &examples, score, grouping, request.set_miss_at_most)
}
