//! Do certificates keep their word? Many random calibration parts, each judged by all the rest.
//!
//! The share of splits in which some tier's statement is false, that is, more than α of the answers
//! that it counts are wrong, must not exceed δ. Beside it stands the plug-in rule (the least strict
//! threshold whose observed error is at most α, tier by tier), which promises the same and breaks
//! its word about every second time.

use freehold_evaluation::intervals::wilson;
use freehold_vocabulary::{Confidence, Interval, Random, Seed};
use rayon::prelude::*;
use serde::Serialize;

use super::Terms;
use super::proof::{Row, certify, counted, divide, keep, plug_in};
use crate::RoutingError;

/// How often, and with how many examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repeats {
    pub repeats: u32,
    /// Examples of the pool that are drawn for calibration; the rest judges.
    pub calibration_examples: usize,
    pub seed: Seed,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValidityReport {
    pub terms: Terms,
    pub repeats: u32,
    pub pool_examples: u64,
    pub calibration_examples: u64,
    pub certified: RuleReport,
    pub plug_in: RuleReport,
    /// Standard error of one judgement: the error rate among the answers counted, were it just α,
    /// measured on the rest. Mean over splits and tiers that count something.
    pub judge_standard_error: f64,
}

/// One rule's result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleReport {
    /// Splits in which the rest showed an error rate above α among the answers counted for some
    /// tier.
    pub exceeded: Interval,
    /// Share of requests that each tier keeps, mean over splits.
    pub kept: Vec<f64>,
    /// Share of requests that all tiers keep together in the worst split.
    pub kept_least: f64,
    /// Error rate among all answers kept, mean over the splits in which some are.
    pub error: f64,
    /// Splits in which nothing was kept at all.
    pub empty: u32,
}

/// One split under one rule.
struct Outcome {
    exceeded: bool,
    kept: Vec<f64>,
    error: Option<f64>,
    standard_errors: Vec<f64>,
}

/// Repeats the experiment on a pool of answers, row `i` of every tier being the same example.
///
/// # Errors
/// When the tiers differ in length, or the pool is not at least twice the calibration part.
pub fn repeat_splits(
    pool: &[Vec<Row>],
    repeats: Repeats,
    terms: Terms,
) -> Result<ValidityReport, RoutingError> {
    let examples = pool.first().map_or(0, Vec::len);
    let needed = (2 * repeats.calibration_examples).max(1);
    if examples < needed {
        let what = "answers to judge certificates with";
        return Err(RoutingError::TooFew { what, found: examples, needed });
    }
    if let Some(position) = pool.iter().position(|it| it.len() != examples) {
        let problem = format!("has {} answers instead of {examples}", pool[position].len());
        return Err(RoutingError::Observation { part: "tier", position, problem });
    }
    let outcomes: Vec<(Outcome, Outcome)> = (0..repeats.repeats)
        .into_par_iter()
        .map(|repeat| split_once(pool, repeats, terms, repeat))
        .collect();
    let (certified, plug_in): (Vec<Outcome>, Vec<Outcome>) = outcomes.into_iter().unzip();
    let noise: Vec<f64> = certified.iter().flat_map(|it| it.standard_errors.clone()).collect();
    Ok(ValidityReport {
        terms,
        repeats: repeats.repeats,
        pool_examples: examples as u64,
        calibration_examples: repeats.calibration_examples as u64,
        certified: summarise(&certified, pool.len()),
        plug_in: summarise(&plug_in, pool.len()),
        judge_standard_error: noise.iter().sum::<f64>() / noise.len().max(1) as f64,
    })
}

fn split_once(
    pool: &[Vec<Row>],
    repeats: Repeats,
    terms: Terms,
    repeat: u32,
) -> (Outcome, Outcome) {
    let seed = repeats.seed.derive(&format!("validity {repeat}"));
    let mut order: Vec<usize> = (0..pool[0].len()).collect();
    Random::new(seed).shuffle(&mut order);
    let (calibration, rest) = order.split_at(repeats.calibration_examples);
    let (planning, proof) = divide(calibration.len(), seed);
    let part = |positions: &[usize]| -> Vec<Vec<Row>> {
        let of_tier = |rows: &Vec<Row>| positions.iter().map(|&it| rows[calibration[it]]).collect();
        pool.iter().map(of_tier).collect()
    };
    let findings = certify(&part(&planning), &part(&proof), terms);
    let certified: Vec<Option<f64>> = findings.iter().map(|it| it.threshold).collect();
    let plugged = plug_in_cascade(pool, calibration, terms.error_at_most.get());
    (judge(pool, rest, &certified, terms), judge(pool, rest, &plugged, terms))
}

fn plug_in_cascade(pool: &[Vec<Row>], calibration: &[usize], alpha: f64) -> Vec<Option<f64>> {
    let mut left = calibration.to_vec();
    let mut thresholds = Vec::with_capacity(pool.len());
    for rows in pool {
        let here: Vec<Row> = left.iter().map(|&it| rows[it]).collect();
        let threshold = plug_in(&here, alpha).map(|(threshold, _)| threshold);
        left.retain(|&it| threshold.is_none_or(|threshold| rows[it].score < threshold));
        thresholds.push(threshold);
    }
    thresholds
}

fn judge(pool: &[Vec<Row>], rest: &[usize], thresholds: &[Option<f64>], terms: Terms) -> Outcome {
    let alpha = terms.error_at_most.get();
    let of_rest = |rows: &Vec<Row>| rest.iter().map(|&it| rows[it]).collect();
    let tiers: Vec<Vec<Row>> = pool.iter().map(of_rest).collect();
    let thresholds: Vec<f64> = thresholds.iter().map(|it| it.unwrap_or(f64::INFINITY)).collect();
    let kept = keep(&tiers, &thresholds);
    let answers: u64 = kept.iter().map(|it| it.answers).sum();
    let errors: u64 = kept.iter().map(|it| it.errors).sum();
    let of_tiers = counted(&kept, terms.promise);
    let some = of_tiers.iter().filter(|it| it.answers > 0);
    Outcome {
        exceeded: of_tiers.iter().any(|it| it.errors as f64 > alpha * it.answers as f64),
        kept: kept.iter().map(|it| it.answers as f64 / rest.len() as f64).collect(),
        error: (answers > 0).then(|| errors as f64 / answers as f64),
        standard_errors: some
            .map(|it| (alpha * (1.0 - alpha) / it.answers as f64).sqrt())
            .collect(),
    }
}

fn summarise(outcomes: &[Outcome], tiers: usize) -> RuleReport {
    let exceeded = outcomes.iter().filter(|it| it.exceeded).count() as u64;
    let mean = |tier: usize| {
        outcomes.iter().map(|it| it.kept[tier]).sum::<f64>() / outcomes.len().max(1) as f64
    };
    let totals = outcomes.iter().map(|it| it.kept.iter().sum::<f64>());
    let errors: Vec<f64> = outcomes.iter().filter_map(|it| it.error).collect();
    RuleReport {
        exceeded: wilson(exceeded, outcomes.len() as u64, Confidence::P95),
        kept: (0..tiers).map(mean).collect(),
        kept_least: totals.fold(1.0, f64::min),
        error: errors.iter().sum::<f64>() / errors.len().max(1) as f64,
        empty: (outcomes.len() - errors.len()) as u32,
    }
}
