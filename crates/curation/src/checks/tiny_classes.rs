//! Labels with too few rows to learn from and to judge by.

use super::{Check, EXHIBITS_MAX, Evidence, Exhibit, Finding, Severity, Stage};
use crate::error::CurationError;

pub(crate) const CHECK: Check = Check { name: "tiny-classes", stage: Stage::Rows, run };

/// Below this many rows a label cannot be learned, let alone judged: even with none wrong, ten
/// rows only show that the error is below 26 % with 95 % confidence.
const TINY_BELOW: u64 = 10;

fn run(evidence: &Evidence<'_>) -> Result<Vec<Finding>, CurationError> {
    let labels = &evidence.staged.labels;
    let counts = evidence.label_counts();
    let mut tiny: Vec<(u64, &str)> = counts
        .iter()
        .zip(labels)
        .filter(|(count, _)| **count < TINY_BELOW)
        .map(|(count, label)| (*count, label.as_str()))
        .collect();
    if tiny.is_empty() {
        return Ok(Vec::new());
    }
    tiny.sort_unstable();
    let count = tiny.len() as u64;
    let examples = tiny.iter().take(EXHIBITS_MAX).map(|(rows, label)| Exhibit {
        note: format!("`{label}` has {}", super::counted(*rows, "row")),
        rows: Vec::new(),
    });
    Ok(vec![Finding {
        check: CHECK.name.to_owned(),
        severity: Severity::Warning,
        summary: format!(
            "{} fewer than {TINY_BELOW} rows",
            super::counted(count, "label") + if count == 1 { " has" } else { " have" }
        ),
        count,
        remedy:
            "collect more rows for them, merge them into related labels, or leave them to people"
                .to_owned(),
        examples: examples.collect(),
    }])
}
