//! The path of threshold vectors to test, foreseen on the planning part alone.
//!
//! Nothing here proves anything, so nothing here needs to be exact: a bad plan costs coverage,
//! never validity. It matters all the same, since a cascade has many paths.
//!
//! A path has a *driver*: the last tier that keeps something, whose threshold falls in small steps
//! up to everything. Every tier before it has one threshold, reached in a few steps. Driver and
//! thresholds are those with which the cascade is expected to keep most in all: each candidate is
//! followed as the walk would follow it, every step weighed by the chance that all tests up to it
//! pass. Steps begin where a pass is likeliest, not at the strictest threshold: a test on a handful
//! of answers could end the walk before it began.
//!
//! Chances are read off margins: how far the errors to be expected in the proof part stay below
//! what the test allows, in standard deviations. Expected errors are the mean of the errors seen
//! in the planning part and of those that its confidences foretell (in all as many as were seen,
//! whatever the confidences are worth). Errors seen alone are too few to plan on: with 120 planning
//! examples paths then began so badly that one proof in twenty proved nothing.
//!
//! Measured on Banking77 (n-grams, 89.8 % right, before a linear probe on MiniLM, 91.7 %; 6,083 rows
//! that taught neither, of which n are drawn to calibrate and the rest judges; 200 draws;
//! α = δ = 0.05), mean and worst share answered:
//!
//! | n | promise of the route | of it by the first tier | second tier alone | tiers planned one by one, each with its own promise and a share of δ |
//! |---|---|---|---|---|
//! | 600 | 85.7 (67.9) | 33.7 | 85.5 (67.9) | 73.1 (0.0) |
//! | 1,180 | 89.8 (83.1) | 64.4 | 89.1 (82.3) | 83.8 (15.7) |
//! | 2,000 | 91.2 (85.6) | 70.2 | 90.6 (86.4) | 88.1 (67.8) |
//! | 4,000 | 91.9 (88.7) | 75.9 | 91.2 (88.2) | 90.2 (73.7) |
//!
//! With α = 0.02, where 1,180 examples are few, the route keeps 51.9 % and the second tier alone
//! 54.6 %; with 4,000, 75.1 and 74.2 %.

use freehold_vocabulary::PromiseScope;

use super::{Limits, Row};
use crate::calibration::sigmoid;

/// What a tier before the driver may keep, as parts of what reaches it, by the number of tiers
/// before the driver: fewer choices when there are more to combine.
const PARTS: [usize; 4] = [1, 20, 10, 5];
/// A tier before the driver must be this likely to pass by itself: if it failed, all would.
const MARGIN_MIN: f64 = 1.75;
/// The last tier drives unless all together are expected to keep clearly more when it keeps
/// nothing, by so many standard deviations of a count: dearer tiers are mostly better, whatever few
/// planning examples say.
const CLEARLY: f64 = 2.0;
/// The margin of what cannot be proved.
const HOPELESS: f64 = -9.0;
/// An error that was not seen.
const UNSEEN: f64 = 0.5;
/// The shares of the requests by which steps are apart, for the driver and the tiers before it.
const DRIVER_STEP: f64 = 0.01;
const EARLIER_STEP: f64 = 0.02;
/// Turns the logistic function into the normal distribution, nearly.
const LOGISTIC_SCALE: f64 = 1.702;

/// What is known before the proof.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    tiers: &'a [Vec<Row>],
    /// Proof examples for each planning example.
    scale: f64,
    limits: &'a Limits,
    promise: PromiseScope,
    /// Of each tier: the errors seen for each one that the confidences foretell.
    truth: Vec<f64>,
}

/// Answers kept and the errors to be expected among them, in planning examples.
#[derive(Debug, Clone, Copy, Default)]
struct Expected {
    answers: f64,
    errors: f64,
}

/// What a tier would do if it kept the first so many of the sorted rows.
#[derive(Debug, Clone, Copy)]
struct Step {
    threshold: f64,
    kept: usize,
    counted: Expected,
    margin: f64,
}

/// The choices for the tiers so far.
#[derive(Debug, Clone)]
struct Course {
    /// One for each tier so far.
    thresholds: Vec<f64>,
    /// The vectors that lead there.
    path: Vec<Vec<f64>>,
    counted: Expected,
    margin: f64,
    /// Answers to be expected, each with the chance that it is proved.
    worth: f64,
}

impl<'a> Planner<'a> {
    pub fn new(
        tiers: &'a [Vec<Row>],
        proof_examples: usize,
        limits: &'a Limits,
        promise: PromiseScope,
    ) -> Self {
        let planned = tiers.first().map_or(0, Vec::len);
        let scale = proof_examples as f64 / planned.max(1) as f64;
        let truth = tiers.iter().map(|rows| truth(rows)).collect();
        Self { tiers, scale, limits, promise, truth }
    }

    /// The vectors to test, in order.
    pub fn path(&self) -> Vec<Vec<f64>> {
        let everything: Vec<usize> = (0..self.tiers.first().map_or(0, Vec::len)).collect();
        let start = Course {
            thresholds: Vec::new(),
            path: Vec::new(),
            counted: Expected::default(),
            margin: f64::INFINITY,
            worth: 0.0,
        };
        let mut chosen: Option<Course> = None;
        for driver in (0..self.tiers.len()).rev() {
            let mut best: Option<Course> = None;
            self.explore(&start, &everything, driver, &mut |course| {
                // Of equals the later one keeps more in cheaper tiers.
                if best.as_ref().is_none_or(|best| course.worth >= best.worth) {
                    best = Some(course);
                }
            });
            let clearly = CLEARLY * (everything.len() as f64).sqrt();
            let least = chosen.as_ref().map_or(0.0, |it| it.worth + clearly);
            if best.as_ref().is_some_and(|it| it.worth >= least) {
                chosen = best;
            }
        }
        chosen.map_or(Vec::new(), |it| it.path)
    }

    /// Visits every course in which that tier drives.
    fn explore(
        &self,
        before: &Course,
        reaching: &[usize],
        driver: usize,
        visit: &mut dyn FnMut(Course),
    ) {
        let tier = before.thresholds.len();
        let steps = self.steps(before, reaching);
        if tier == driver {
            visit(self.drive(before, &steps));
            return;
        }
        self.explore(&self.leave(before), reaching, driver, visit);
        let parts = PARTS[driver.min(PARTS.len() - 1)];
        let mut last = 0;
        for part in 1..=parts {
            let wanted = (reaching.len() * part).div_ceil(parts);
            let Some(step) = steps.iter().take_while(|it| it.kept <= wanted).last() else {
                continue;
            };
            if step.kept == last || step.margin < MARGIN_MIN {
                continue;
            }
            last = step.kept;
            let is_left = |it: &&usize| self.tiers[tier][**it].score < step.threshold;
            let left: Vec<usize> = reaching.iter().filter(is_left).copied().collect();
            let course = self.follow(before, &steps, *step);
            self.explore(&course, &left, driver, visit);
        }
    }

    /// The tier keeps nothing.
    fn leave(&self, before: &Course) -> Course {
        let mut course = before.clone();
        course.thresholds.push(f64::INFINITY);
        course
    }

    /// The tier goes in a few steps to one threshold.
    fn follow(&self, before: &Course, steps: &[Step], target: Step) -> Course {
        let mut course = before.clone();
        let within: Vec<Step> =
            steps.iter().take_while(|it| it.kept <= target.kept).copied().collect();
        self.walk(&within, EARLIER_STEP, |step, _| course.path.push(self.vector(before, step)));
        course.thresholds.push(target.threshold);
        course.counted = target.counted;
        course.margin = before.margin.min(target.margin);
        course.worth += target.kept as f64 * chance(course.margin);
        course
    }

    /// The tier keeps as much as it can, and those after it nothing.
    fn drive(&self, before: &Course, steps: &[Step]) -> Course {
        let mut course = before.clone();
        let mut kept = 0;
        self.walk(steps, DRIVER_STEP, |step, lowest| {
            course.path.push(self.vector(before, step));
            course.worth += (step.kept - kept) as f64 * chance(lowest.min(before.margin));
            kept = step.kept;
        });
        if let Some(last) = steps.last() {
            course.path.push(self.vector(before, Step { threshold: 0.0, ..*last }));
        }
        course
    }

    /// Goes from the step that is likeliest to pass to the last one, with the lowest margin so far.
    fn walk(&self, steps: &[Step], apart: f64, mut visit: impl FnMut(Step, f64)) {
        let mut start = 0;
        for (index, step) in steps.iter().enumerate() {
            if step.margin > steps[start].margin {
                start = index;
            }
        }
        let apart = apart * self.tiers[0].len() as f64;
        let mut next = 0.0;
        let mut lowest = f64::INFINITY;
        for (index, step) in steps.iter().enumerate().skip(start) {
            lowest = lowest.min(step.margin);
            let is_last = index + 1 == steps.len();
            if is_last || step.kept as f64 >= next {
                visit(*step, lowest);
                next = step.kept as f64 + apart;
            }
        }
    }

    /// Thresholds for all tiers: those chosen before, this one, and nothing kept after it.
    fn vector(&self, before: &Course, step: Step) -> Vec<f64> {
        let mut thresholds = before.thresholds.clone();
        thresholds.push(step.threshold);
        thresholds.resize(self.tiers.len(), f64::INFINITY);
        thresholds
    }

    /// Every threshold that the tier could have, strictest first.
    fn steps(&self, before: &Course, reaching: &[usize]) -> Vec<Step> {
        let tier = before.thresholds.len();
        let rows = reaching.iter().map(|&it| self.tiers[tier][it]);
        let mut sorted: Vec<Row> = rows.filter(|it| it.score.is_finite()).collect();
        sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut counted = match self.promise {
            PromiseScope::Tier => Expected::default(),
            PromiseScope::Route => before.counted,
        };
        let mut steps = Vec::with_capacity(sorted.len());
        for (index, row) in sorted.iter().enumerate() {
            let foretold = self.truth[tier] * foretold(row);
            counted.answers += 1.0;
            counted.errors += f64::midpoint(foretold, f64::from(u8::from(row.wrong)));
            // Equals are kept or passed together.
            if sorted.get(index + 1).is_none_or(|next| next.score < row.score) {
                let margin = self.margin(counted);
                steps.push(Step { threshold: row.score, kept: index + 1, counted, margin });
            }
        }
        steps
    }

    /// By how many standard deviations the test is expected to pass.
    fn margin(&self, expected: Expected) -> f64 {
        let answers = (expected.answers * self.scale) as usize;
        let errors = (expected.errors + UNSEEN) * self.scale;
        // The planning part and the proof part both vary.
        let deviation = (errors * (1.0 + self.scale)).sqrt();
        self.limits.most(answers).map_or(HOPELESS, |most| (most as f64 + 0.5 - errors) / deviation)
    }
}

/// The chance of an error that a confidence stands for.
fn foretold(row: &Row) -> f64 {
    1.0 - row.score.clamp(0.0, 1.0)
}

fn truth(rows: &[Row]) -> f64 {
    let known = rows.iter().filter(|it| it.score.is_finite());
    let seen = known.clone().filter(|it| it.wrong).count() as f64;
    (seen + UNSEEN) / (known.map(foretold).sum::<f64>() + UNSEEN)
}

/// The chance that a test with such a margin passes.
fn chance(margin: f64) -> f64 {
    sigmoid(LOGISTIC_SCALE * margin)
}
