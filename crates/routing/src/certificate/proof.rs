//! The proof behind certificates: fixed-sequence testing with exact binomial tests.
//!
//! **One tier.** "Answers with confidence ≥ t are wrong with a rate above α" is a hypothesis for
//! each threshold t. Given how many fresh examples are kept at a t that was fixed before, their
//! errors are binomial, so the exact test (Clopper and Pearson 1934) rejects a true hypothesis
//! with a probability of at most δ. Thresholds are tested from the strictest towards less strict
//! ones, each at the full δ, up to the first that is not rejected (Bauer 1991; as "fixed sequence
//! testing" in Learn then Test, Angelopoulos, Bates, Candès, Jordan and Lei 2021, arXiv
//! 2110.01052): for a false statement to come out, the *first* true hypothesis of the sequence
//! must be rejected, which happens with a probability of at most δ. No monotony is assumed.
//!
//! **What is fixed before.** The calibration examples are divided at random. The planning part
//! fits the probabilities, the stranger gate and the list of thresholds; the proof part is used
//! for tests only. So nothing that defines a hypothesis depends on the labels, or even the
//! scores, that test it. Ties need no care: kept means ≥ t for any t.
//!
//! **A cascade.** Tier k sees what the tiers before it passed on, and their thresholds were found
//! on the same proof part. Each tier but the last may choose only among a few thresholds planned
//! ahead ([`plan`]), or keep nothing. The tests of tier k are valid for each fixed course of events
//! before it, and a union bound over the possible courses makes them valid for the one that came.
//! δ itself is shared among the tiers, so that all statements hold together.

use freehold_evaluation::intervals::{clopper_pearson_upper, rate_is_at_most};
use freehold_vocabulary::{Confidence, Random, Seed};
use serde::{Deserialize, Serialize};

mod plan;

use super::Terms;
use plan::Outlook;

/// One example as one tier answers it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The confidence in the answer; −∞ for a stranger, who is never kept.
    pub score: f64,
    pub wrong: bool,
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
    /// The bound on the error rate among kept answers at [`Self::test_confidence`]; 1 when
    /// nothing is kept.
    pub upper_bound: f64,
    /// The confidence at which this tier's tests were made: higher than that of the terms when
    /// there are several tiers.
    pub test_confidence: f64,
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
    /// Some could be kept, but then the tiers after it could prove so much less that all together
    /// would keep clearly fewer.
    LeftToLaterTiers,
}

/// The share of the remaining risk that a tier takes when others follow.
const RISK_SHARE: f64 = 0.3;
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

/// Finds the least strict threshold of each tier, in the order of the cascade. Row `i` of every
/// tier is the same example; `planning` and `proof` share no example.
///
/// # Panics
/// When the tiers have different numbers of rows.
#[must_use]
pub fn certify(planning: &[Vec<Row>], proof: &[Vec<Row>], terms: Terms) -> Vec<Finding> {
    assert_eq!(planning.len(), proof.len(), "each tier has both parts");
    let same = |tiers: &[Vec<Row>]| tiers.windows(2).all(|it| it[0].len() == it[1].len());
    assert!(same(planning) && same(proof), "every tier answers every example");
    let mut planned: Vec<usize> = (0..planning.first().map_or(0, Vec::len)).collect();
    let mut tested: Vec<usize> = (0..proof.first().map_or(0, Vec::len)).collect();
    // Proof examples for each planning example.
    let scale = tested.len() as f64 / planned.len().max(1) as f64;
    let mut risk = 1.0 - terms.confidence.get();
    let mut courses = 1.0;
    let mut findings = Vec::with_capacity(proof.len());
    for (tier, rows) in proof.iter().enumerate() {
        let last = tier + 1 == proof.len();
        let spent = if last { risk } else { risk * RISK_SHARE };
        let test = Test { alpha: terms.error_at_most.get(), delta: spent / courses };
        let outlook = Outlook {
            tiers: &planning[tier..],
            planned: &planned,
            scale,
            test,
            later: Test { delta: (risk - spent) / (2.0 * courses), ..test },
        };
        let thresholds =
            if last { Ok(outlook.fine_thresholds()) } else { outlook.few_thresholds() };
        let rows_here: Vec<Row> = tested.iter().map(|&it| rows[it]).collect();
        let finding = match thresholds {
            Ok(thresholds) => {
                risk -= spent;
                courses *= thresholds.len() as f64 + 1.0;
                test.walk(&rows_here, &thresholds)
            }
            // Nothing is tested, so nothing is spent.
            Err(shortfall) => {
                Finding { shortfall: Some(shortfall), ..test.report(tested.len() as u64, None) }
            }
        };
        if let Some(threshold) = finding.threshold {
            planned.retain(|&it| planning[tier][it].score < threshold);
            tested.retain(|&it| rows[it].score < threshold);
        }
        findings.push(finding);
    }
    findings
}

/// The exact binomial test at one level.
#[derive(Debug, Clone, Copy)]
struct Test {
    alpha: f64,
    delta: f64,
}

impl Test {
    fn confidence(self) -> Confidence {
        Confidence::new(1.0 - self.delta).expect("a share of a risk is a risk")
    }

    fn passes(self, errors: u64, kept: u64) -> bool {
        kept > 0 && rate_is_at_most(self.alpha, errors, kept, self.confidence())
    }

    /// The fewest kept examples with that many errors that pass; none if no number does.
    fn needed(self, errors: u64) -> Option<u64> {
        let mut high = 1u64;
        while high < errors || !self.passes(errors, high) {
            high = high.checked_mul(2).filter(|it| *it <= 1 << 32)?;
        }
        let mut low = high / 2;
        while low + 1 < high {
            let middle = u64::midpoint(low, high);
            if middle >= errors && self.passes(errors, middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }

    fn walk(self, rows: &[Row], thresholds: &[f64]) -> Finding {
        let mut sorted = rows.to_vec();
        sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut errors_of_first = vec![0u64];
        for row in &sorted {
            let so_far = errors_of_first[errors_of_first.len() - 1];
            errors_of_first.push(so_far + u64::from(row.wrong));
        }
        let mut best = None;
        for &threshold in thresholds {
            let kept = sorted.partition_point(|it| it.score >= threshold);
            let errors = errors_of_first[kept];
            if !self.passes(errors, kept as u64) {
                break;
            }
            best = Some((threshold, kept as u64, errors));
        }
        self.report(rows.len() as u64, best)
    }

    fn report(self, n: u64, best: Option<(f64, u64, u64)>) -> Finding {
        let confidence = self.confidence();
        let (threshold, kept, errors) = best.map_or((None, 0, 0), |it| (Some(it.0), it.1, it.2));
        let needed = self.needed(0).unwrap_or(u64::MAX);
        let shortfall = match threshold {
            Some(_) => None,
            None if n < needed => Some(Shortfall::TooFewExamples { found: n, needed }),
            None => Some(Shortfall::ErrorsTooFrequent),
        };
        let upper_bound =
            if kept == 0 { 1.0 } else { clopper_pearson_upper(errors, kept, confidence) };
        let test_confidence = confidence.get();
        Finding { threshold, n, kept, errors, upper_bound, test_confidence, shortfall }
    }
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
