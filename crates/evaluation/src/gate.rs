//! The gate: may this version take traffic? It compares bounds, never point estimates.
//!
//! A version passes the bar when the lower bound of the metric reaches it, and the champion when
//! the lower bound of the paired difference is no lower than minus the margin. It decides; it
//! moves no alias.

use freehold_vocabulary::{Bar, Metric, Split};
use serde::{Deserialize, Serialize};

use crate::compare::{Comparison, compare};
use crate::{Evaluation, EvaluationError};

/// What a version must show beside the task's bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRule {
    /// How much worse than the champion a version may be at most, in units of the metric.
    pub margin: f64,
    /// Fewest in-scope items on which anything is decided.
    pub n_min: u64,
}

impl Default for GateRule {
    fn default() -> Self {
        Self { margin: 0.01, n_min: 100 }
    }
}

/// The gate's answer, with every reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub passed: bool,
    pub checks: Vec<Check>,
}

/// One requirement and how the version stands to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub requirement: Requirement,
    pub metric: Metric,
    pub passed: bool,
    /// The lower bound that was compared.
    pub bound: f64,
    pub required: f64,
    /// How far the bound is below what is required; 0 when it passes.
    pub short_by: f64,
    pub sentence: String,
}

/// What is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// Enough items to decide at all.
    SampleSize,
    /// The task's bar.
    Bar,
    /// Not worse than the champion.
    Champion,
}

impl Verdict {
    /// The sentences of the checks that failed, or of all when none did.
    #[must_use]
    pub fn sentence(&self) -> String {
        let told = self.checks.iter().filter(|check| self.passed || !check.passed);
        told.map(|check| check.sentence.as_str()).collect::<Vec<_>>().join("; ")
    }
}

/// Judges a version. Without a bar and a champion only the sample size is asked for.
///
/// # Errors
/// When the margin is not a number of at least zero, the version was evaluated on another split
/// than test, or the champion was not evaluated on the same items.
pub fn gate(
    candidate: &Evaluation,
    champion: Option<&Evaluation>,
    bar: Option<Bar>,
    rule: &GateRule,
) -> Result<Verdict, EvaluationError> {
    if !rule.margin.is_finite() || rule.margin < 0.0 {
        let problem = format!("a margin of {} is not a number of at least zero", rule.margin);
        return Err(EvaluationError::Request(problem));
    }
    if candidate.subject.split != Split::Test {
        let split = candidate.subject.split;
        let problem =
            format!("the version was evaluated on the {split} split; the gate judges test");
        return Err(EvaluationError::Request(problem));
    }
    let metric = bar.map_or(candidate.settings.headline, |bar| bar.metric);
    let mut checks = vec![sample_size(candidate, metric, rule.n_min)];
    if let Some(bar) = bar {
        checks.push(against_bar(candidate, bar)?);
    }
    if let Some(champion) = champion {
        let comparison = compare(candidate, champion, &candidate.settings.resampling)?;
        checks.push(against_champion(&comparison, metric, rule.margin)?);
    }
    Ok(Verdict { passed: checks.iter().all(|check| check.passed), checks })
}

fn sample_size(candidate: &Evaluation, metric: Metric, n_min: u64) -> Check {
    let n = candidate.n - candidate.n_out_of_scope;
    let passed = n >= n_min;
    let sentence = if passed {
        format!("{n} items are enough to decide (at least {n_min})")
    } else {
        format!("{n} items are too few to decide; label at least {} more", n_min - n)
    };
    let (bound, required) = (n as f64, n_min as f64);
    check(Requirement::SampleSize, metric, bound, required, sentence)
}

fn against_bar(candidate: &Evaluation, bar: Bar) -> Result<Check, EvaluationError> {
    let name = bar.metric.as_str();
    let value = candidate.metric(name).ok_or_else(|| {
        EvaluationError::Request(format!("the evaluation has no {name}, which the bar asks for"))
    })?;
    let measured = format!(
        "{name} is {} with {} % confidence between {} and {} (n = {})",
        percent(value.estimate),
        level(value.level),
        percent(value.low),
        percent(value.high),
        value.n
    );
    let required = percent(bar.at_least);
    let sentence = if value.low >= bar.at_least {
        format!("{measured}: the lower bound clears the bar of {required}")
    } else {
        let short = points(bar.at_least - value.low);
        format!("{measured}: the lower bound misses the bar of {required} by {short}")
    };
    Ok(check(Requirement::Bar, bar.metric, value.low, bar.at_least, sentence))
}

fn against_champion(
    comparison: &Comparison,
    metric: Metric,
    margin: f64,
) -> Result<Check, EvaluationError> {
    let name = metric.as_str();
    let found = comparison.difference(metric).ok_or_else(|| {
        EvaluationError::NotComparable(format!("{name} is undefined on the shared items"))
    })?;
    let value = found.difference;
    let measured = format!(
        "{name} is {} against the champion's {} on the same {} items, a difference between {} and {}",
        percent(found.candidate),
        percent(found.baseline),
        comparison.n,
        signed_points(value.low),
        signed_points(value.high),
    );
    let allowed = points(margin);
    let sentence = if value.low >= -margin {
        format!("{measured}: not worse by more than {allowed}")
    } else {
        let short = points(-margin - value.low);
        format!("{measured}: it may be worse by more than {allowed}, the bound is {short} too low")
    };
    Ok(check(Requirement::Champion, metric, value.low, -margin, sentence))
}

fn check(
    requirement: Requirement,
    metric: Metric,
    bound: f64,
    required: f64,
    sentence: String,
) -> Check {
    let short_by = (required - bound).max(0.0);
    Check { requirement, metric, passed: bound >= required, bound, required, short_by, sentence }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn points(share: f64) -> String {
    format!("{:.2} points", 100.0 * share)
}

fn signed_points(share: f64) -> String {
    format!("{:+.2} points", 100.0 * share)
}

fn level(level: f64) -> String {
    format!("{}", (1000.0 * level).round() / 10.0)
}
