//! Which thresholds are tested, in which order: fixed before the rows that test them are seen.
//!
//! Thresholds send one more percent of the requests each. They are tested from the one whose
//! promise looked safest on the rows that the model learnt from (members judged on rows they had
//! not seen) towards those that send more, each at the full risk, up to the first that is not
//! proved: fixed-sequence testing (Bauer 1991; Learn then Test, Angelopoulos et al. 2021, arXiv
//! 2110.01052). A false certificate needs the first broken promise of the sequence to pass its
//! test, which happens with a chance of at most the risk.

use serde::{Deserialize, Serialize};

use super::Trial;
use super::certificate::GainShortfall;
use super::paired::{QualityTerms, Sent, Tally};

/// Thresholds in the plan, and one that sends all but strangers.
const STEPS: usize = 100;
/// No certificate needs more rows than this; beyond, none can be had.
const NEEDED_MAX: u64 = 1 << 32;

/// Thresholds, ascending: requests that score below go to the weak model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Plan {
    pub steps: Vec<Step>,
}

/// A threshold, and how it fared on the rows that the plan was made from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub threshold: f64,
    pub tally: Tally,
}

/// What a walk along the plan found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub threshold: Option<f64>,
    /// At that threshold, or with nothing sent.
    pub tally: Tally,
    pub shortfall: Option<GainShortfall>,
}

impl Plan {
    pub fn new(trials: Vec<Trial>) -> Self {
        let trials = Sorted::new(trials);
        let familiar = trials.scores.partition_point(|it| it.is_finite());
        let mut thresholds: Vec<f64> = (1..STEPS)
            .map(|step| step * familiar / STEPS)
            .filter(|at| *at < familiar)
            .map(|at| trials.scores[at])
            .collect();
        thresholds.push(f64::MAX);
        thresholds.dedup();
        let step = |threshold| Step { threshold, tally: trials.tally(threshold) };
        let mut steps: Vec<Step> = thresholds.into_iter().map(step).collect();
        // What sends nothing is no rule; one threshold must remain, even if all are strangers.
        steps.retain(|it| it.tally.sent > 0 || it.threshold == f64::MAX);
        Self { steps }
    }

    /// Tests the thresholds on rows that had no part in the plan.
    pub fn walk(&self, trials: &[Trial], terms: QualityTerms) -> Found {
        let trials = Sorted::new(trials.to_vec());
        let mut best = None;
        for step in &self.steps[self.first(terms.quality_at_least.get())..] {
            let tally = trials.tally(step.threshold);
            if !tally.proves(terms) {
                break;
            }
            // What sends nothing is no rule.
            if tally.sent > 0 {
                best = Some((step.threshold, tally));
            }
        }
        match best {
            Some((threshold, tally)) => {
                Found { threshold: Some(threshold), tally, shortfall: None }
            }
            None => {
                let tally = trials.tally(f64::NEG_INFINITY);
                Found { threshold: None, tally, shortfall: Some(shortfall(tally, terms)) }
            }
        }
    }

    /// The step whose promise looked safest, in standard errors.
    fn first(&self, quality: f64) -> usize {
        let safety = |it: &Step| match (it.tally.relative_quality(), it.tally.standard_error()) {
            (Some(found), Some(error)) if error > 0.0 => (found - quality) / error,
            _ => f64::NEG_INFINITY,
        };
        let mut best = 0;
        for at in 1..self.steps.len() {
            if safety(&self.steps[at]) > safety(&self.steps[best]) {
                best = at;
            }
        }
        best
    }
}

/// Whether more rows would help.
fn shortfall(nothing_sent: Tally, terms: QualityTerms) -> GainShortfall {
    let found = nothing_sent.n;
    if nothing_sent.proves(terms) {
        return GainShortfall::TooManyLosses;
    }
    let rate = nothing_sent.strong_right as f64 / found.max(1) as f64;
    let rate = if found == 0 { 1.0 } else { rate };
    let mut needed = found.max(1);
    while needed < NEEDED_MAX {
        let strong_right = (rate * needed as f64) as u64;
        if (Tally { n: needed, strong_right, ..Tally::default() }).proves(terms) {
            return GainShortfall::TooFewRows { found, needed };
        }
        needed += needed.div_ceil(10);
    }
    GainShortfall::TooManyLosses
}

/// Trials in the order of their scores, with sums of what comes before each.
struct Sorted {
    scores: Vec<f64>,
    /// Losses and wins among the first so many.
    before: Vec<(u64, u64)>,
    strong_right: u64,
}

impl Sorted {
    fn new(mut trials: Vec<Trial>) -> Self {
        trials.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut before = vec![(0, 0)];
        let mut tally = Tally::default();
        for (_, (weak, strong)) in &trials {
            tally.add(Sent::Weak, *weak, *strong);
            before.push((tally.losses, tally.wins));
        }
        let scores = trials.into_iter().map(|it| it.0).collect();
        Self { scores, before, strong_right: tally.strong_right }
    }

    fn tally(&self, threshold: f64) -> Tally {
        let sent = self.scores.partition_point(|it| *it < threshold);
        let (losses, wins) = self.before[sent];
        let (n, sent) = (self.scores.len() as u64, sent as u64);
        Tally { n, strong_right: self.strong_right, sent, losses, wins }
    }
}
