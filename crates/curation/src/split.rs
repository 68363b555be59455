//! Stratified splits by duplicate group, the same for the same rows and seed.
//!
//! Given splits are kept: a given test row stays a test row. Where a duplicate group lies in
//! several given splits, its rows in the most protected one stay and the others are dropped,
//! visibly. What is not given is carved out of train. The order of rows does not matter.

use std::collections::BTreeMap;

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Seed, Split};
use serde::{Deserialize, Serialize};

use crate::checks::{self, Finding};
use crate::duplicates::Groups;
use crate::error::CurationError;
use crate::import::Imported;
use crate::staging::Staged;

mod stratify;

/// Dropped rows that are listed one by one; the rest is counted.
pub const DROPPED_LISTED_MAX: usize = 10_000;

/// How much of the rows that no given split has fixed goes where; the rest is train. A split
/// that the sources give is never added to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    pub validation: f64,
    pub calibration: f64,
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { validation: 0.05, calibration: 0.10, test: 0.15 }
    }
}

impl Shares {
    /// The share of a split; what remains for train.
    #[must_use]
    pub fn of(&self, split: Split) -> f64 {
        match split {
            Split::Train => 1.0 - self.validation - self.calibration - self.test,
            Split::Validation => self.validation,
            Split::Calibration => self.calibration,
            Split::Test => self.test,
        }
    }
}

/// How rows are divided.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitPlan {
    pub shares: Shares,
}

/// What dividing did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitReport {
    pub seed: Seed,
    pub shares: Shares,
    /// Splits that the sources gave.
    pub given: Vec<Split>,
    pub rows: BTreeMap<Split, u64>,
    /// Rows that would have leaked, by the split that they were taken from; unassigned rows
    /// count as train.
    pub dropped: BTreeMap<Split, u64>,
    /// The first [`DROPPED_LISTED_MAX`] of them.
    pub dropped_rows: Vec<DroppedRow>,
    /// What the checks found in the final splits.
    pub findings: Vec<Finding>,
}

/// A row that was dropped because a more protected split has its like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedRow {
    pub source: String,
    pub split: Split,
    /// The split that keeps its like, and a row of it.
    pub kept_in: Split,
    pub kept_source: String,
    /// The beginning of the text.
    pub text: String,
}

/// Rows with their final splits, ready to be written.
#[derive(Debug)]
pub struct Divided {
    pub(crate) imported: Imported,
    /// None for dropped rows.
    pub(crate) splits: Vec<Option<Split>>,
    pub(crate) report: SplitReport,
}

impl Divided {
    /// What dividing did.
    #[must_use]
    pub fn report(&self) -> &SplitReport {
        &self.report
    }

    /// What was imported.
    #[must_use]
    pub fn imported(&self) -> &Imported {
        &self.imported
    }
}

impl Imported {
    /// Gives every row a split.
    ///
    /// # Errors
    /// When the shares make no sense or nothing is left for train.
    pub fn split(
        self,
        plan: &SplitPlan,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Divided, CurationError> {
        let (splits, report) = divide(&self.staged, &self.groups, plan, seed, progress)?;
        Ok(Divided { imported: self, splits, report })
    }
}

/// Gives every staged row a split: those that are given keep it, the others are divided.
///
/// # Errors
/// When the shares make no sense or nothing is left for train.
pub(crate) fn divide(
    staged: &Staged,
    groups: &Groups,
    plan: &SplitPlan,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<(Vec<Option<Split>>, SplitReport), CurationError> {
    check_shares(&plan.shares)?;
    let given = given_splits(staged);
    let kept = protect(staged, groups);
    let mut splits = kept.splits;
    let wanted = |split| if given.contains(&split) { 0.0 } else { plan.shares.of(split) };
    let shares = [Split::Validation, Split::Calibration, Split::Test].map(|it| (it, wanted(it)));
    stratify::carve(staged, groups, &shares, seed.derive("split"), &mut splits);
    let mut rows = BTreeMap::new();
    splits.iter().flatten().for_each(|it| *rows.entry(*it).or_default() += 1);
    if !rows.contains_key(&Split::Train) {
        return Err(CurationError::Empty(
            "every row is given for another split than train; add rows for train".to_owned(),
        ));
    }
    let (dropped, dropped_rows) = list_dropped(staged, groups, &splits, &kept.kept_row)?;
    let findings = checks::run_on_splits(staged, groups, &splits, progress)?;
    let shares = plan.shares;
    Ok((splits, SplitReport { seed, shares, given, rows, dropped, dropped_rows, findings }))
}

fn check_shares(shares: &Shares) -> Result<(), CurationError> {
    let sensible = |it: f64| it.is_finite() && it >= 0.0;
    let parts = [shares.validation, shares.calibration, shares.test];
    if parts.into_iter().all(sensible) && parts.into_iter().sum::<f64>() <= 0.9 {
        return Ok(());
    }
    Err(CurationError::Request(format!(
        "shares of {} for validation, {} for calibration and {} for test leave too little for train; use numbers from 0 that add up to at most 0.9",
        parts[0], parts[1], parts[2]
    )))
}

fn given_splits(staged: &Staged) -> Vec<Split> {
    let mut given: Vec<Split> = Vec::new();
    for split in staged.rows.iter().filter_map(|it| it.split) {
        if !given.contains(&split) {
            given.push(split);
        }
    }
    given.sort_unstable();
    given
}

/// Rows of protected splits, and train for the rest of the rows that may stay.
struct Protected {
    /// Validation, calibration and test where given; train where free; none where dropped.
    splits: Vec<Option<Split>>,
    /// By group: a row in its most protected given split, other than train.
    kept_row: Vec<Option<u32>>,
}

fn protect(staged: &Staged, groups: &Groups) -> Protected {
    let given = |row: u32| staged.rows[row as usize].split.unwrap_or(Split::Train);
    let mut kept_row: Vec<Option<u32>> = vec![None; staged.len()];
    for (row, group) in (0u32..).zip(&groups.group_of) {
        let kept = &mut kept_row[*group as usize];
        // Splits are ordered from train to test, the most protected last.
        if given(row) > kept.map_or(Split::Train, given) {
            *kept = Some(row);
        }
    }
    let splits = (0u32..).zip(&groups.group_of).map(|(row, group)| {
        let kept = kept_row[*group as usize].map_or(Split::Train, given);
        (given(row) == kept).then_some(kept)
    });
    Protected { splits: splits.collect(), kept_row }
}

fn list_dropped(
    staged: &Staged,
    groups: &Groups,
    splits: &[Option<Split>],
    kept_row: &[Option<u32>],
) -> Result<(BTreeMap<Split, u64>, Vec<DroppedRow>), CurationError> {
    let (mut counts, mut listed) = (BTreeMap::new(), Vec::new());
    let mut window = staged.window();
    for (row, _) in splits.iter().enumerate().filter(|(_, it)| it.is_none()) {
        let split = staged.rows[row].split.unwrap_or(Split::Train);
        *counts.entry(split).or_default() += 1;
        if listed.len() >= DROPPED_LISTED_MAX {
            continue;
        }
        let kept = kept_row[groups.group_of[row] as usize].expect("a row is dropped for another");
        let content = staged.content(row, &mut window)?;
        listed.push(DroppedRow {
            source: content.source,
            split,
            kept_in: splits[kept as usize].expect("the kept row stays"),
            kept_source: staged.content(kept as usize, &mut window)?.source,
            text: checks::excerpt(&content.text),
        });
    }
    Ok((counts, listed))
}
