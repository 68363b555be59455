//! The rows of a version, divided anew: a new version with the old one as its parent.
//!
//! The test split stays as it is unless asked otherwise, because a row that was ever trained on
//! measures nothing, and figures on another test split cannot be compared with earlier ones.
//! Groups of duplicates never straddle a split, as at import. The old version is not touched.

use std::path::Path;

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{LabelSet, Seed, Split};

use super::Dataset;
use super::manifest::{Counts, Division, FindingSummary};
use super::version::{self, Written};
use crate::checks;
use crate::duplicates;
use crate::error::CurationError;
use crate::split::{self, SplitPlan, SplitReport};

/// What becomes of the test split of the old version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestSplit {
    /// Its rows stay test rows, and no other row becomes one.
    Kept,
    /// Its rows are divided like all others.
    Divided,
}

/// What dividing anew did.
#[derive(Debug, Clone)]
pub struct Resplit {
    /// The new version; none when every row lies where it lay.
    pub version: Option<Written>,
    pub report: SplitReport,
}

impl Dataset {
    /// Divides the rows of this version by another plan or seed, and writes the result below `root`.
    ///
    /// # Errors
    /// When the shares make no sense, nothing is left for train, the version cannot be read, or the
    /// new one not be written.
    pub fn resplit(
        &self,
        plan: &SplitPlan,
        seed: Seed,
        test: TestSplit,
        root: &Path,
        progress: &dyn Progress,
    ) -> Result<Resplit, CurationError> {
        let given = |split| (split == Split::Test && test == TestSplit::Kept).then_some(split);
        let staged = self.restage(progress, &given)?.finish(Vec::new())?;
        let groups = duplicates::group(&staged, &self.manifest().near_duplicates, progress)?;
        let (splits, report) = split::divide(&staged, &groups, plan, seed, progress)?;
        let mut findings = checks::run(&staged, &groups, progress)?;
        findings.extend(report.findings.iter().cloned());
        findings.sort_by_key(|it| it.severity);
        let mut manifest = self.manifest().clone();
        manifest.labels = LabelSet::sorted([]);
        manifest.examples = version::unwritten();
        manifest.counts = Counts::default();
        manifest.division = Some(Division::from(&report));
        manifest.findings = findings.iter().map(FindingSummary::from).collect();
        manifest.parents = vec![self.digest().clone()];
        let written = version::write(root, &staged, &splits, manifest, progress)?;
        let same = written.manifest.examples.digest == self.manifest().examples.digest;
        Ok(Resplit { version: (!same).then_some(written), report })
    }
}
