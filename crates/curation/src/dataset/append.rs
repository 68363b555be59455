//! Corrections become training rows: a new version with the old one as its parent.
//!
//! Settled reviews go to train and nowhere else. One that resembles a validation, calibration or
//! test row is refused, since training on it would spoil what that row measures. One that
//! contradicts a train row with the same text replaces it. Old rows never change their split.

use std::collections::HashMap;
use std::path::Path;

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Label, LabelMode, LabelSet, Split};
use serde::Serialize;

use super::Dataset;
use super::manifest::{Counts, FindingSummary};
use super::version::{self, Written};
use crate::checks::{self, Finding};
use crate::duplicates::{self, Groups};
use crate::error::CurationError;
use crate::import::check_text;
use crate::request::Limits;
use crate::staging::{Origin, Staged, Stager};

/// One settled review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Where it came from, such as `trace:01JD…`; at most 1024 bytes.
    pub source: String,
    pub text: String,
    /// None for out of scope.
    pub labels: Vec<Label>,
}

/// What appending did.
#[derive(Debug, Clone)]
pub struct Appended {
    /// The new version; none when nothing was left to add.
    pub version: Option<Written>,
    pub added: u64,
    /// Old train rows that were replaced by a settled review of the same text.
    pub replaced: u64,
    pub refused: Vec<Refusal>,
}

/// A settled review that was not added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub source: String,
    pub reason: String,
}

impl Dataset {
    /// Writes a version with the settled reviews in train below `root`; the last review of a
    /// text wins.
    ///
    /// # Errors
    /// When the version cannot be read, or the new one not be written.
    pub fn append_settled(
        &self,
        settled: &[Settled],
        root: &Path,
        progress: &dyn Progress,
    ) -> Result<Appended, CurationError> {
        let mut refused = Vec::new();
        let usable = self.usable(settled, &mut refused);
        let mut stager = self.restage(progress, &|split| Some(split))?;
        let first_new = stager.len();
        let no_slices = vec![None; self.manifest().slices.len()];
        for review in &usable {
            let origin = Origin::Named(&review.source);
            let text = review.text.trim();
            stager.push(text, &review.labels, Some(Split::Train), &no_slices, origin)?;
        }
        let staged = stager.finish(Vec::new())?;
        let groups = duplicates::group(&staged, &self.manifest().near_duplicates, progress)?;
        let mut splits: Vec<Option<Split>> = staged.rows.iter().map(|it| it.split).collect();
        refuse_leaks(&staged, &groups, first_new, &usable, &mut splits, &mut refused);
        let replaced = replace_old(&staged, &groups, first_new, &usable, &mut splits, &mut refused);
        let added = splits[first_new..].iter().flatten().count() as u64;
        if added == 0 && replaced == 0 {
            return Ok(Appended { version: None, added, replaced, refused });
        }
        let findings = self.findings_of(&staged, &groups, &splits, progress)?;
        let mut manifest = self.manifest().clone();
        manifest.labels = LabelSet::sorted([]);
        manifest.examples = version::unwritten();
        manifest.counts = Counts::default();
        manifest.division = None;
        manifest.findings = findings.iter().map(FindingSummary::from).collect();
        manifest.parents = vec![self.digest().clone()];
        let written = version::write(root, &staged, &splits, manifest, progress)?;
        Ok(Appended { version: Some(written), added, replaced, refused })
    }

    /// Runs every check over this version.
    ///
    /// # Errors
    /// When the examples cannot be read.
    pub fn check(&self, progress: &dyn Progress) -> Result<Vec<Finding>, CurationError> {
        let staged = self.restage(progress, &|split| Some(split))?.finish(Vec::new())?;
        let groups = duplicates::group(&staged, &self.manifest().near_duplicates, progress)?;
        let splits: Vec<Option<Split>> = staged.rows.iter().map(|it| it.split).collect();
        self.findings_of(&staged, &groups, &splits, progress)
    }

    fn findings_of(
        &self,
        staged: &Staged,
        groups: &Groups,
        splits: &[Option<Split>],
        progress: &dyn Progress,
    ) -> Result<Vec<Finding>, CurationError> {
        let mut findings = checks::run(staged, groups, progress)?;
        findings.extend(checks::run_on_splits(staged, groups, splits, progress)?);
        findings.sort_by_key(|it| it.severity);
        Ok(findings)
    }

    /// Stages the rows of this version, each given for what `given` makes of its split.
    pub(super) fn restage(
        &self,
        progress: &dyn Progress,
        given: &dyn Fn(Split) -> Option<Split>,
    ) -> Result<Stager, CurationError> {
        let limits = Limits { labels_max: u32::MAX, rows_max: u32::MAX, ..Limits::default() };
        let slices = self.manifest().slices.clone();
        let mut stager = Stager::new(&std::env::temp_dir(), slices.clone(), &limits)?;
        progress.begin("reading the version", Some(self.manifest().counts.rows));
        for example in self.iter()? {
            let mut example = example?;
            let values: Vec<_> = slices.iter().map(|it| example.slices.remove(it)).collect();
            let origin = Origin::Named(&example.source);
            let split = given(example.split);
            stager.push(&example.text, &example.labels, split, &values, origin)?;
            progress.advance(1);
        }
        progress.end();
        Ok(stager)
    }

    /// The last review of every text, without those that can never be rows.
    fn usable<'s>(&self, settled: &'s [Settled], refused: &mut Vec<Refusal>) -> Vec<&'s Settled> {
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (position, review) in settled.iter().enumerate() {
            last.insert(review.text.trim(), position);
        }
        let mut usable = Vec::new();
        for (position, review) in settled.iter().enumerate() {
            let objection = if last[review.text.trim()] != position {
                Some("a later review of the same text replaces it".to_owned())
            } else if self.mode() == LabelMode::Single && review.labels.len() > 1 {
                Some(format!("{} labels in a single-label data set", review.labels.len()))
            } else if review.source.len() > 1024 || review.source.chars().any(char::is_control) {
                Some("its source is longer than 1024 bytes or holds control characters".to_owned())
            } else {
                check_text(&review.text, &Limits::default()).err().map(|it| it.to_string())
            };
            match objection {
                None => usable.push(review),
                Some(reason) => {
                    let source = checks::excerpt(&review.source);
                    refused.push(Refusal { source, reason });
                }
            }
        }
        usable
    }
}

/// Refuses new rows whose group holds an old row of a protected split.
fn refuse_leaks(
    staged: &Staged,
    groups: &Groups,
    first_new: usize,
    reviews: &[&Settled],
    splits: &mut [Option<Split>],
    refused: &mut Vec<Refusal>,
) {
    let mut protected: Vec<Option<Split>> = vec![None; staged.len()];
    for (split, group) in splits[..first_new].iter().zip(&groups.group_of) {
        if split.is_some_and(|it| it != Split::Train) {
            let most = &mut protected[*group as usize];
            *most = (*most).max(*split);
        }
    }
    for (row, review) in (first_new..).zip(reviews) {
        if let Some(split) = protected[groups.group_of[row] as usize] {
            splits[row] = None;
            refused.push(Refusal {
                source: review.source.clone(),
                reason: format!(
                    "it says nearly the same as a row of {split}, which must stay unseen"
                ),
            });
        }
    }
}

/// Drops old train rows that a new row of the same text contradicts, and new rows that say
/// nothing new. Returns how many old rows were dropped.
fn replace_old(
    staged: &Staged,
    groups: &Groups,
    first_new: usize,
    reviews: &[&Settled],
    splits: &mut [Option<Split>],
    refused: &mut Vec<Refusal>,
) -> u64 {
    let key = |row: &u32| staged.rows[*row as usize].key();
    let mut replaced = 0;
    for same in groups.by_key.chunk_by(|a, b| key(a) == key(b)) {
        let is_new = |row: &&u32| **row as usize >= first_new && splits[**row as usize].is_some();
        // Several new rows may share a normal form; the last one speaks for them.
        let Some(new) = same.iter().filter(is_new).max().copied() else { continue };
        let labels = staged.rows[new as usize].labels;
        let known = same
            .iter()
            .any(|it| (*it as usize) < first_new && staged.rows[*it as usize].labels == labels);
        for row in same.iter().map(|it| *it as usize) {
            let contradicts = staged.rows[row].labels != labels;
            if row < first_new && contradicts && splits[row].is_some() {
                splits[row] = None;
                replaced += 1;
            } else if row >= first_new && splits[row].is_some() && (row != new as usize || known) {
                splits[row] = None;
                let reason = if known {
                    "train has this row already"
                } else {
                    "a later review of the same text replaces it"
                };
                let source = reviews[row - first_new].source.clone();
                refused.push(Refusal { source, reason: reason.to_owned() });
            }
        }
    }
    replaced
}
