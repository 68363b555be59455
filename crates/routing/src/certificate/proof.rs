//! The proof behind certificates: fixed-sequence testing of whole cascades with exact binomial
//! tests.
//!
//! **The statements.** A cascade is a threshold for each tier, t = (t₁ … t_K). Which answers tier
//! k's statement counts is the task's choice ([`PromiseScope`]): its own kept answers, or those that it
//! and the tiers before it keep. Either way "the rate of errors among the answers counted for tier
//! k is above α" is a hypothesis H_k(t) for each tier that keeps something.
//!
//! **One vector.** For a t that was fixed before, the errors among the answers counted are
//! binomial given their number, so the exact test (Clopper and Pearson 1934) rejects a true H_k(t)
//! with a probability of at most δ. H(t) = "some H_k(t) is true" is rejected when *every* tier's
//! test rejects, each at the full δ: a true H(t) has a true H_k(t), whose own test must err, which
//! happens with a probability of at most δ (an intersection-union test, Berger 1982). No share of
//! δ is paid for having several tiers.
//!
//! **Many vectors.** The vectors stand on one path, are tested in its order, each at the full δ,
//! and the last one before the first that is not rejected is taken (fixed-sequence testing:
//! Bauer 1991; as a way to pick a parameter: Learn then Test, Angelopoulos, Bates, Candès, Jordan
//! and Lei 2021, arXiv 2110.01052). If a statement of the vector taken were false, the *first*
//! true H(t) of the path would have been rejected, which happens with a probability of at most δ.
//! So all statements of all tiers hold together with a confidence of 1 − δ. No monotony is
//! assumed, and tiers may be correlated in any way.
//!
//! **What is fixed before.** The calibration examples are divided at random. The planning part
//! fits the probabilities, the stranger gate and the path (chosen and ordered by how likely its
//! vectors are to pass, as in Pareto Testing, Laufer-Goldshlager, Fisch, Barzilay and Jaakkola
//! 2022, arXiv 2210.07913); the proof part is used for tests only. So nothing that defines a
//! hypothesis depends on the labels, or even the scores, that test it. The validation split cannot
//! plan in the planning part's place: the final weights of micro models are fitted on it. Ties
//! need no care: kept means ≥ t for any t.

use freehold_evaluation::intervals::clopper_pearson_upper;
use freehold_vocabulary::{PromiseScope, Random, Seed};
use serde::{Deserialize, Serialize};

mod limits;
mod plan;

use super::Terms;
use limits::Limits;
use plan::Planner;

/// One example as one tier answers it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The confidence in the answer; −∞ for a stranger, who is never kept.
    pub score: f64,
    pub wrong: bool,
}

/// Answers and the errors among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    pub answers: u64,
    pub errors: u64,
}

/// What was found about one tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Answers at least this confident are kept; none keeps nothing.
    pub threshold: Option<f64>,
    /// Examples of the proof part that reach the tier.
    pub n: u64,
    /// How many of them are kept.
    pub kept: u64,
    /// How many of the kept are wrong.
    pub errors: u64,
    /// The answers that the statement is about: see [`PromiseScope`].
    pub counted: Tally,
    /// The bound on the error rate among the answers counted; 1 when nothing is kept.
    pub upper_bound: f64,
    /// Why nothing is kept.
    pub shortfall: Option<Shortfall>,
}

/// Why a tier keeps nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Shortfall {
    /// Even without a single error there would be too few.
    TooFewExamples { found: u64, needed: u64 },
    /// Some could be kept, but too many of them are wrong.
    ErrorsTooFrequent,
    /// All together are likely to keep more if the tiers after it take its requests.
    LeftToLaterTiers,
}

/// Sizes of the planning part.
const PLANNING_MIN: usize = 50;
const PLANNING_MAX: usize = 1000;
/// Answers that the plug-in rule wants to have seen.
const PLUG_IN_MIN: usize = 10;

/// Divides `n` examples at random into the positions of the planning and of the proof part: a
/// fifth for planning, within limits, and never more than half.
#[must_use]
pub fn divide(n: usize, seed: Seed) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..n).collect();
    Random::new(seed.derive("planning and proof")).shuffle(&mut order);
    let proof = order.split_off((n / 5).clamp(PLANNING_MIN, PLANNING_MAX).min(n / 2));
    (order, proof)
}

/// Finds how much each tier may keep, in the order of the cascade. Row `i` of every tier is the
/// same example; `planning` and `proof` share no example.
///
/// # Panics
/// When the tiers have different numbers of rows.
#[must_use]
pub fn certify(planning: &[Vec<Row>], proof: &[Vec<Row>], terms: Terms) -> Vec<Finding> {
    assert_eq!(planning.len(), proof.len(), "each tier has both parts");
    let same = |tiers: &[Vec<Row>]| tiers.windows(2).all(|it| it[0].len() == it[1].len());
    assert!(same(planning) && same(proof), "every tier answers every example");
    let examples = proof.first().map_or(0, Vec::len);
    let limits = Limits::new(terms, examples);
    let path = Planner::new(planning, examples, &limits, terms.promise).path();
    let mut taken = vec![f64::INFINITY; proof.len()];
    for thresholds in path {
        let kept = keep(proof, &thresholds);
        let counted = counted(&kept, terms.promise);
        let keeps = |tier: &usize| thresholds[*tier].is_finite();
        if !(0..proof.len()).filter(keeps).all(|tier| limits.allow(counted[tier])) {
            break;
        }
        taken = thresholds;
    }
    report(proof, &taken, terms, &limits)
}

/// What each tier keeps of the rows that reach it.
pub(super) fn keep(tiers: &[Vec<Row>], thresholds: &[f64]) -> Vec<Tally> {
    let mut kept = vec![Tally::default(); tiers.len()];
    for example in 0..tiers.first().map_or(0, Vec::len) {
        let keeps = |tier: &usize| tiers[*tier][example].score >= thresholds[*tier];
        if let Some(tier) = (0..tiers.len()).find(keeps) {
            kept[tier].answers += 1;
            kept[tier].errors += u64::from(tiers[tier][example].wrong);
        }
    }
    kept
}

/// The answers that each tier's statement is about.
pub(super) fn counted(kept: &[Tally], promise: PromiseScope) -> Vec<Tally> {
    let mut before = Tally::default();
    let count = |own: &Tally| match promise {
        PromiseScope::Tier => *own,
        PromiseScope::Route => {
            before.answers += own.answers;
            before.errors += own.errors;
            before
        }
    };
    kept.iter().map(count).collect()
}

fn report(proof: &[Vec<Row>], taken: &[f64], terms: Terms, limits: &Limits) -> Vec<Finding> {
    let kept = keep(proof, taken);
    let counted = counted(&kept, terms.promise);
    let mut reaching = proof.first().map_or(0, Vec::len) as u64;
    let mut findings = Vec::with_capacity(proof.len());
    for (tier, &threshold) in taken.iter().enumerate() {
        let before = counted[tier].answers - kept[tier].answers;
        let found = reaching + before;
        let needed = limits.needed();
        let shortfall = if threshold.is_finite() {
            None
        } else if found < needed {
            Some(Shortfall::TooFewExamples { found, needed })
        } else if taken[tier..].iter().any(|it| it.is_finite()) {
            Some(Shortfall::LeftToLaterTiers)
        } else {
            Some(Shortfall::ErrorsTooFrequent)
        };
        let Tally { answers, errors } = counted[tier];
        findings.push(Finding {
            threshold: shortfall.is_none().then_some(threshold),
            n: reaching,
            kept: kept[tier].answers,
            errors: kept[tier].errors,
            counted: counted[tier],
            upper_bound: if shortfall.is_none() {
                clopper_pearson_upper(errors, answers, terms.confidence)
            } else {
                1.0
            },
            shortfall,
        });
        reaching -= kept[tier].answers;
    }
    findings
}

/// The threshold that the plug-in rule takes, the least strict whose share of errors on these
/// rows is at most α, and how many it keeps: what certificates are compared with.
#[must_use]
pub fn plug_in(rows: &[Row], alpha: f64) -> Option<(f64, usize)> {
    let mut sorted: Vec<&Row> = rows.iter().filter(|it| it.score.is_finite()).collect();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut errors = 0usize;
    let mut best = None;
    for (index, row) in sorted.iter().enumerate() {
        errors += usize::from(row.wrong);
        let kept = index + 1;
        let tied = sorted.get(kept).is_some_and(|next| next.score == row.score);
        if !tied && kept >= PLUG_IN_MIN && errors as f64 <= alpha * kept as f64 {
            best = Some((row.score, kept));
        }
    }
    best
}

#[cfg(test)]
mod tests;
