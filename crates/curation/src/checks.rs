//! What is wrong, or merely odd, in a data set: one check per file, one line in [`CHECKS`].
//!
//! A check reports; it never changes a row. Each finding shows examples with their source and
//! says what to do.

use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Label, Split};
use serde::{Deserialize, Serialize};

use crate::duplicates::Groups;
use crate::error::CurationError;
use crate::staging::Staged;

mod conflicts;
mod empty_classes;
mod exact_duplicates;
mod label_typos;
mod leakage;
mod near_duplicates;
mod tiny_classes;

/// Every check, in alphabetical order.
pub(crate) const CHECKS: &[Check] = &[
    conflicts::CHECK,
    empty_classes::CHECK,
    exact_duplicates::CHECK,
    label_typos::CHECK,
    leakage::CHECK,
    near_duplicates::CHECK,
    tiny_classes::CHECK,
];

/// Examples shown with a finding.
const EXHIBITS_MAX: usize = 10;
/// Rows shown in one example.
const EXHIBIT_ROWS_MAX: usize = 5;
/// Characters of a text that are shown.
const EXCERPT_CHARS: usize = 160;

/// One check.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) stage: Stage,
    run: fn(&Evidence<'_>) -> Result<Vec<Finding>, CurationError>,
}

/// When a check makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Over the rows with the splits that their sources gave.
    Rows,
    /// Over the final splits.
    Splits,
}

/// Everything a check may look at.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) staged: &'a Staged,
    pub(crate) groups: &'a Groups,
    /// The split of every row: given, or final; none for rows without one.
    pub(crate) splits: &'a [Option<Split>],
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Results cannot be trusted before it is dealt with.
    Error,
    /// Quality will suffer.
    Warning,
    /// Good to know.
    Note,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The name of the check.
    pub check: String,
    pub severity: Severity,
    /// One sentence with the numbers.
    pub summary: String,
    /// How many rows, texts or labels are concerned, as the summary says.
    pub count: u64,
    /// What to do.
    pub remedy: String,
    pub examples: Vec<Exhibit>,
}

/// One example of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhibit {
    /// What connects the rows.
    pub note: String,
    pub rows: Vec<ExhibitRow>,
}

/// A row that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExhibitRow {
    /// File and line, or the row's own source.
    pub source: String,
    pub split: Option<Split>,
    pub labels: Vec<Label>,
    /// The beginning of the text.
    pub text: String,
}

/// Runs the checks over rows and given splits.
pub(crate) fn run(
    staged: &Staged,
    groups: &Groups,
    progress: &dyn Progress,
) -> Result<Vec<Finding>, CurationError> {
    let splits: Vec<Option<Split>> = staged.rows.iter().map(|it| it.split).collect();
    run_stage(Stage::Rows, &Evidence { staged, groups, splits: &splits }, progress)
}

/// Runs the checks over final splits.
pub(crate) fn run_on_splits(
    staged: &Staged,
    groups: &Groups,
    splits: &[Option<Split>],
    progress: &dyn Progress,
) -> Result<Vec<Finding>, CurationError> {
    run_stage(Stage::Splits, &Evidence { staged, groups, splits }, progress)
}

fn run_stage(
    stage: Stage,
    evidence: &Evidence<'_>,
    progress: &dyn Progress,
) -> Result<Vec<Finding>, CurationError> {
    let checks: Vec<&Check> = CHECKS.iter().filter(|it| it.stage == stage).collect();
    progress.begin("checking", Some(checks.len() as u64));
    let mut findings = Vec::new();
    for check in checks {
        progress.remark(check.name);
        findings.extend((check.run)(evidence)?);
        progress.advance(1);
    }
    progress.end();
    findings.sort_by_key(|it| it.severity);
    Ok(findings)
}

impl Evidence<'_> {
    /// An example made of these rows.
    fn exhibit(&self, note: String, rows: &[u32]) -> Result<Exhibit, CurationError> {
        let mut window = self.staged.window();
        let shown = rows.iter().take(EXHIBIT_ROWS_MAX).map(|row| {
            let row = *row as usize;
            let content = self.staged.content(row, &mut window)?;
            Ok(ExhibitRow {
                source: content.source,
                split: self.splits[row],
                labels: self.staged.labels_of(row),
                text: excerpt(&content.text),
            })
        });
        Ok(Exhibit { note, rows: shown.collect::<Result<_, CurationError>>()? })
    }

    /// Rows with equal normal forms, for every form that occurs more than once.
    fn same_texts(&self) -> impl Iterator<Item = &[u32]> {
        let key = |row: &u32| self.staged.rows[*row as usize].key();
        self.groups.by_key.chunk_by(move |a, b| key(a) == key(b)).filter(|it| it.len() > 1)
    }

    /// Rows that have a label, by label code.
    fn label_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.staged.labels.len()];
        for row in 0..self.staged.len() {
            for code in self.staged.label_codes(row) {
                counts[*code as usize] += 1;
            }
        }
        counts
    }
}

/// The beginning of a text on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown: String =
        text.chars().take(EXCERPT_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// `1 row`, `2 rows`.
fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
