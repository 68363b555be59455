//! Labels without a single row in one of the splits.

use freehold_vocabulary::Split;

use super::{Check, EXHIBITS_MAX, Evidence, Exhibit, Finding, Severity, Stage};
use crate::error::CurationError;

pub(crate) const CHECK: Check = Check { name: "empty-classes", stage: Stage::Splits, run };

fn run(evidence: &Evidence<'_>) -> Result<Vec<Finding>, CurationError> {
    let staged = evidence.staged;
    let mut present = vec![[false; Split::ALL.len()]; staged.labels.len()];
    let mut used = [false; Split::ALL.len()];
    for (row, split) in evidence.splits.iter().enumerate() {
        let Some(split) = split else { continue };
        used[*split as usize] = true;
        for code in staged.label_codes(row) {
            present[*code as usize][*split as usize] = true;
        }
    }
    let findings = Split::ALL.into_iter().filter(|it| used[*it as usize]).filter_map(|split| {
        let absent = present.iter().zip(&staged.labels).filter(|(it, _)| !it[split as usize]);
        let mut labels: Vec<&str> = absent.map(|(_, label)| label.as_str()).collect();
        labels.sort_unstable();
        (!labels.is_empty()).then(|| finding(split, &labels))
    });
    Ok(findings.collect())
}

fn finding(split: Split, labels: &[&str]) -> Finding {
    let (severity, remedy) = match split {
        Split::Train => (
            Severity::Error,
            "a model cannot learn them: add rows for them to train, or remove their rows",
        ),
        _ => (
            Severity::Note,
            "nothing is known about them there: add rows, or read figures per class with that in mind",
        ),
    };
    let count = labels.len() as u64;
    let examples = labels.iter().take(EXHIBITS_MAX).map(|label| Exhibit {
        note: format!("`{label}` has no row in {split}"),
        rows: Vec::new(),
    });
    Finding {
        check: CHECK.name.to_owned(),
        severity,
        summary: format!("{} without a row in {split}", super::counted(count, "label")),
        count,
        remedy: remedy.to_owned(),
        examples: examples.collect(),
    }
}
