//! Labels on which the candidate does better or worse than the baseline.
//!
//! A better average can hide a label that got lost. Each label is a question of its own, so the
//! p-values are adjusted for their number.

use freehold_vocabulary::Label;
use serde::{Deserialize, Serialize};

use super::{McNemar, Pair, holm};

/// How the items of one label fared. "Found" means that the label is among the predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassChange {
    pub label: Label,
    /// Items for which the label is right.
    pub n: u64,
    /// Found by the candidate only: gained.
    pub gained: u64,
    /// Found by the baseline only: lost.
    pub lost: u64,
    /// McNemar's exact test, after Holm's adjustment for the number of labels.
    pub adjusted_p: f64,
}

impl ClassChange {
    /// A change that chance does not explain at 5 %, over all labels together.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.adjusted_p < 0.05
    }
}

/// Every label on which the two differ, the surest change first.
pub(super) fn find(pairs: &[Pair], labels: &[Label]) -> Vec<ClassChange> {
    let of_label = |place: u32| {
        let theirs = pairs.iter().filter(|pair| pair.gold.contains(&place));
        let outcomes =
            theirs.map(|pair| (pair.candidate.contains(&place), pair.baseline.contains(&place)));
        McNemar::of(outcomes)
    };
    let tests: Vec<McNemar> = (0..labels.len() as u32).map(of_label).collect();
    let p_values: Vec<f64> = tests.iter().map(|test| test.exact_p).collect();
    let change = |((label, test), adjusted_p): ((&Label, McNemar), f64)| ClassChange {
        label: label.clone(),
        n: test.both_right + test.only_candidate_right + test.only_baseline_right + test.both_wrong,
        gained: test.only_candidate_right,
        lost: test.only_baseline_right,
        adjusted_p,
    };
    let mut changes: Vec<ClassChange> =
        labels.iter().zip(tests).zip(holm(&p_values)).map(change).collect();
    changes.retain(|it| it.gained + it.lost > 0);
    changes.sort_by(|a, b| {
        let size = |it: &ClassChange| it.gained.abs_diff(it.lost);
        a.adjusted_p.total_cmp(&b.adjusted_p).then(size(b).cmp(&size(a)))
    });
    changes
}
