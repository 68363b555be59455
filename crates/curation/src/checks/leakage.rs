//! The same or nearly the same text in two given splits: a test that was seen in training.

use std::collections::BTreeMap;

use freehold_vocabulary::Split;

use super::{Check, EXHIBITS_MAX, Evidence, Finding, Severity, Stage};
use crate::error::CurationError;

pub(crate) const CHECK: Check = Check { name: "leakage", stage: Stage::Rows, run };

fn run(evidence: &Evidence<'_>) -> Result<Vec<Finding>, CurationError> {
    let mut leaks = leaking_groups(evidence);
    if leaks.is_empty() {
        return Ok(Vec::new());
    }
    leaks.sort_unstable();
    let mut count = 0;
    let mut between: BTreeMap<(Split, Split), u64> = BTreeMap::new();
    for rows in &leaks {
        let splits: Vec<Split> =
            rows.iter().filter_map(|it| evidence.splits[*it as usize]).collect();
        let kept = *splits.iter().max().expect("a leak has rows in two splits");
        for split in splits.iter().filter(|it| **it != kept) {
            *between.entry((*split, kept)).or_default() += 1;
            count += 1;
        }
    }
    let between: Vec<String> = between
        .iter()
        .map(|((from, kept), rows)| {
            format!("{} of {from} also in {kept}", super::counted(*rows, "row"))
        })
        .collect();
    let key = |row: &u32| evidence.staged.rows[*row as usize].key();
    let shown = leaks.iter().take(EXHIBITS_MAX).map(|rows| {
        let same = rows.iter().all(|it| key(it) == key(&rows[0]));
        let note =
            if same { "same text in two splits" } else { "nearly the same text in two splits" };
        evidence.exhibit(note.to_owned(), rows)
    });
    Ok(vec![Finding {
        check: CHECK.name.to_owned(),
        severity: Severity::Error,
        summary: format!("given splits overlap: {}", between.join(", ")),
        count,
        remedy: "nothing, or mend the source: when the data set is split, these rows are dropped from the less protected split and listed; the given test rows stay".to_owned(),
        examples: shown.collect::<Result<_, _>>()?,
    }])
}

/// For every group with rows in several given splits: one row of each split, the most exposed
/// split first, then the others.
fn leaking_groups(evidence: &Evidence<'_>) -> Vec<Vec<u32>> {
    let group_of = &evidence.groups.group_of;
    // Only groups in which two splits meet are collected, so memory follows the leak.
    let mut first_split: Vec<Option<Split>> = vec![None; group_of.len()];
    let mut leaks: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (split, group) in evidence.splits.iter().zip(group_of) {
        let Some(split) = split else { continue };
        let seen = first_split[*group as usize].get_or_insert(*split);
        if seen != split {
            leaks.entry(*group).or_default();
        }
    }
    if leaks.is_empty() {
        return Vec::new();
    }
    for (row, group) in (0u32..).zip(group_of) {
        if evidence.splits[row as usize].is_some()
            && let Some(rows) = leaks.get_mut(group)
        {
            rows.push(row);
        }
    }
    let split_of = |row: &u32| evidence.splits[*row as usize];
    leaks
        .into_values()
        .map(|rows| {
            let mut seen = Vec::new();
            let (mut first, mut rest) = (Vec::new(), Vec::new());
            for row in rows {
                let split = split_of(&row);
                if seen.contains(&split) {
                    rest.push(row);
                } else {
                    seen.push(split);
                    first.push(row);
                }
            }
            first.sort_by_key(split_of);
            first.append(&mut rest);
            first
        })
        .collect()
}
