//! Rows that say nearly the same in nearly the same words.

use super::{Check, EXHIBITS_MAX, Evidence, Finding, Severity, Stage};
use crate::error::CurationError;

pub(crate) const CHECK: Check = Check { name: "near-duplicates", stage: Stage::Rows, run };

fn run(evidence: &Evidence<'_>) -> Result<Vec<Finding>, CurationError> {
    let groups = evidence.groups;
    let key = |row: u32| evidence.staged.rows[row as usize].key();
    // A row is a near-duplicate if its group is named by a row with another normal form.
    let count = groups.group_of.iter().zip(0u32..).filter(|(group, row)| key(**group) != key(*row));
    let count = count.count() as u64;
    if count == 0 {
        return Ok(Vec::new());
    }
    let shown = groups.near_pairs.iter().take(EXHIBITS_MAX).map(|pair| {
        evidence.exhibit(format!("Jaccard similarity {:.2}", pair.jaccard), &pair.rows)
    });
    Ok(vec![Finding {
        check: CHECK.name.to_owned(),
        severity: Severity::Note,
        summary: format!("{} nearly the same as an earlier one", super::counted(count, "row") + if count == 1 { " says" } else { " say" }),
        count,
        remedy: "nothing: such rows stay in one split; if they come from a template, fewer of them teach as much".to_owned(),
        examples: shown.collect::<Result<_, _>>()?,
    }])
}
