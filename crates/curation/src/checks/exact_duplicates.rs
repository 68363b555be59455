//! Rows that repeat another row: same normal form, same labels.

use super::{Check, EXHIBITS_MAX, Evidence, Finding, Severity, Stage};
use crate::error::CurationError;

pub(crate) const CHECK: Check = Check { name: "exact-duplicates", stage: Stage::Rows, run };

fn run(evidence: &Evidence<'_>) -> Result<Vec<Finding>, CurationError> {
    let labels = |row: &u32| evidence.staged.rows[*row as usize].labels;
    let mut repeated: Vec<Vec<u32>> = Vec::new();
    for rows in evidence.same_texts() {
        let mut rows = rows.to_vec();
        rows.sort_unstable_by_key(|it| (labels(it), *it));
        let repeats = rows.chunk_by(|a, b| labels(a) == labels(b)).filter(|it| it.len() > 1);
        repeated.extend(repeats.map(<[u32]>::to_vec));
    }
    if repeated.is_empty() {
        return Ok(Vec::new());
    }
    repeated.sort_unstable_by_key(|rows| rows[0]);
    let count = repeated.iter().map(|it| it.len() as u64 - 1).sum();
    let shown = repeated.iter().take(EXHIBITS_MAX).map(|rows| {
        evidence.exhibit(format!("{} rows with the same text and labels", rows.len()), rows)
    });
    Ok(vec![Finding {
        check: CHECK.name.to_owned(),
        severity: Severity::Note,
        summary: format!("{} an earlier one", super::counted(count, "row") + if count == 1 { " repeats" } else { " repeat" }),
        count,
        remedy: "nothing if the repetition is real traffic: repeats stay in one split; otherwise remove them, since they weigh more than once".to_owned(),
        examples: shown.collect::<Result<_, _>>()?,
    }])
}
