//! The same text with different labels: one of them is wrong, or the labels overlap.

use super::{Check, EXHIBITS_MAX, Evidence, Finding, Severity, Stage};
use crate::error::CurationError;

pub(crate) const CHECK: Check = Check { name: "conflicts", stage: Stage::Rows, run };

fn run(evidence: &Evidence<'_>) -> Result<Vec<Finding>, CurationError> {
    let labels = |row: &u32| evidence.staged.rows[*row as usize].labels;
    let mut conflicts: Vec<&[u32]> = evidence
        .same_texts()
        .filter(|rows| rows.iter().any(|it| labels(it) != labels(&rows[0])))
        .collect();
    if conflicts.is_empty() {
        return Ok(Vec::new());
    }
    conflicts.sort_unstable_by_key(|rows| rows[0]);
    let shown = conflicts.iter().take(EXHIBITS_MAX).map(|rows| {
        let mut one_each = rows.to_vec();
        one_each.sort_by_key(|it| (labels(it), *it));
        one_each.dedup_by_key(|it| labels(it));
        one_each.sort_unstable();
        evidence.exhibit("same text, different labels".to_owned(), &one_each)
    });
    let count = conflicts.len() as u64;
    Ok(vec![Finding {
        check: CHECK.name.to_owned(),
        severity: Severity::Warning,
        summary: format!("{} with contradictory labels", super::counted(count, "text")),
        count,
        remedy: "decide which label is right and correct or remove the other rows; if both can be right, merge the labels or make the task multi-label".to_owned(),
        examples: shown.collect::<Result<_, _>>()?,
    }])
}
