//! Which thresholds are worth testing, foreseen on the planning part alone.
//!
//! Nothing here proves anything, so nothing here needs to be exact: a bad plan costs coverage,
//! never validity. It matters all the same. The exact test is costly for the hard remainder that
//! a cheap tier leaves: on Banking77 (α = δ = 0.05; n-grams before a linear probe on MiniLM;
//! 1,000 and 2,000 calibration examples) a first tier that always aims at 60 % of what it could
//! keep leaves 63 and 72 % answered in all, this plan with a slack of 5 % of the requests for
//! cheapness 76 and 81 %, and the second tier alone 87
//! and 89 %, at the price of the dearer model for every request. On simulated populations this
//! plan keeps as much as the best fixed aim (80 to 90 %); dividing the proof part among the tiers
//! and walking along planned pairs of thresholds kept 5 to 20 points less.

use super::{Row, Shortfall, Test};

/// Errors that the first test should survive: with none allowed, one unlucky example would end
/// the sequence before it began.
const ERRORS_AT_START: u64 = 2;
/// The share of the examples by which the thresholds of the last tier are apart.
const STEP: f64 = 0.02;
/// What a tier that others follow may aim at: these shares of what it could keep.
const AIMS: [f64; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// A cheaper tier may cost this share of all requests in coverage. Little: what no tier answers
/// goes to people, who cost far more than the dearer model.
const CHEAPNESS: f64 = 0.01;
/// From this aim on the tier takes what it can get.
const GREEDY: f64 = 0.75;
/// The thresholds of a tier that takes what it can get, as shares of what it could keep.
const GREEDY_AIMS: [f64; 5] = [0.55, 0.7, 0.85, 1.0, 1.1];

/// What is known when the thresholds of a tier are planned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook<'a> {
    /// The planning rows of this tier and of those after it.
    pub tiers: &'a [Vec<Row>],
    /// The rows that reach this tier.
    pub planned: &'a [usize],
    /// Proof examples for each planning example.
    pub scale: f64,
    /// How this tier will be tested.
    pub test: Test,
    /// How the next tiers will be tested, about.
    pub later: Test,
}

impl Outlook<'_> {
    /// From the first coverage to everything in small steps.
    pub fn fine_thresholds(&self) -> Vec<f64> {
        let Some(first) = self.first_coverage() else { return Vec::new() };
        let steps = ((1.0 - first) / STEP).floor() as usize;
        let coverages: Vec<f64> = (0..=steps).map(|step| first + STEP * step as f64).collect();
        let mut thresholds = self.at_coverages(&coverages);
        thresholds.push(0.0);
        thresholds
    }

    /// A few thresholds, or why the tier should keep nothing.
    pub fn few_thresholds(&self) -> Result<Vec<f64>, Shortfall> {
        let reaching = self.planned.len() as f64;
        let found = (reaching * self.scale) as u64;
        let Some(first) = self.first_coverage() else {
            let needed = self.test.needed(0).unwrap_or(u64::MAX);
            return Err(Shortfall::TooFewExamples { found, needed });
        };
        let sorted = self.sorted(self.planned, 0);
        let most = self.foresee(&sorted, self.test);
        if most == 0 {
            return Err(Shortfall::ErrorsTooFrequent);
        }
        let aim = self.best_aim(&sorted, most);
        let share = |aim: f64| (aim * most as f64 / reaching).clamp(first.min(1.0), 1.0);
        if aim == 0.0 {
            Err(Shortfall::LeftToLaterTiers)
        } else if aim >= GREEDY {
            Ok(self.at_coverages(&GREEDY_AIMS.map(share)))
        } else {
            Ok(self.at_coverages(&[share(aim)]))
        }
    }

    /// The highest aim with which all tiers together keep hardly less than with the best one.
    fn best_aim(&self, sorted: &[Row], most: usize) -> f64 {
        let totals = AIMS.map(|aim| {
            let own = (aim * most as f64) as usize;
            let threshold = if own == 0 { f64::INFINITY } else { sorted[own - 1].score };
            own + self.foresee_later(threshold)
        });
        let best = totals.into_iter().max().unwrap_or(0) as f64;
        let slack = CHEAPNESS * self.tiers[0].len() as f64;
        let good = AIMS.into_iter().zip(totals).filter(|it| it.1 as f64 >= best - slack);
        good.map(|(aim, _)| aim).fold(0.0, f64::max)
    }

    /// How many planning rows the later tiers are likely to keep, each as many as it can.
    fn foresee_later(&self, threshold: f64) -> usize {
        let mut left: Vec<usize> = self.planned.to_vec();
        left.retain(|&it| self.tiers[0][it].score < threshold);
        let mut total = 0;
        for tier in 1..self.tiers.len() {
            let sorted = self.sorted(&left, tier);
            let kept = self.foresee(&sorted, self.later);
            if kept > 0 {
                let threshold = sorted[kept - 1].score;
                left.retain(|&it| self.tiers[tier][it].score < threshold);
            }
            total += kept;
        }
        total
    }

    /// How many of the sorted rows a tier is likely to prove: the proof part is taken to be a
    /// larger copy of the planning part, with half an error more.
    fn foresee(&self, sorted: &[Row], test: Test) -> usize {
        let (mut errors, mut likely) = (0u32, 0);
        for (index, row) in sorted.iter().enumerate() {
            errors += u32::from(row.wrong);
            let kept = ((index + 1) as f64 * self.scale) as u64;
            let wrong = ((f64::from(errors) + 0.5) * self.scale).ceil() as u64;
            let tied = sorted.get(index + 1).is_some_and(|next| next.score == row.score);
            let hopeless = wrong as f64 > test.alpha * kept as f64;
            if !tied && !hopeless && test.passes(wrong, kept) {
                likely = index + 1;
            }
        }
        likely
    }

    /// Rows that could be kept, most confident first.
    fn sorted(&self, positions: &[usize], tier: usize) -> Vec<Row> {
        let rows = positions.iter().map(|&it| self.tiers[tier][it]);
        let mut sorted: Vec<Row> = rows.filter(|it| it.score.is_finite()).collect();
        sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
        sorted
    }

    /// The share of the rows that the first test keeps: enough to survive some errors, if there
    /// are so many.
    fn first_coverage(&self) -> Option<f64> {
        let n = self.planned.len() as f64 * self.scale;
        let needed = (0..=ERRORS_AT_START).rev().find_map(|errors| {
            // Room to spare, since about so many will be kept, not exactly.
            self.test.needed(errors).filter(|it| *it as f64 <= 0.9 * n || errors == 0)
        })?;
        (needed as f64 <= n + 0.5).then(|| (needed as f64 / n).min(1.0))
    }

    /// The thresholds that keep those shares of the rows that reach the tier, strictest first,
    /// none twice.
    fn at_coverages(&self, coverages: &[f64]) -> Vec<f64> {
        let sorted = self.sorted(self.planned, 0);
        let threshold = |coverage: &f64| {
            let rank = (coverage * self.planned.len() as f64).ceil() as usize;
            sorted.get(rank.max(1) - 1).map(|it| it.score)
        };
        let mut thresholds: Vec<f64> = coverages.iter().filter_map(threshold).collect();
        thresholds.dedup();
        thresholds
    }
}
