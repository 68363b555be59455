//! Labels that look like another label misspelt.
//!
//! Two labels are variants when they differ only in case, punctuation or spacing; or when a rare
//! one is one edit (two in longer labels) away from one at least ten times as frequent. Edits of
//! digits are no typos: `B20` and `B21` are two codes.

use super::{Check, EXHIBITS_MAX, Evidence, Exhibit, Finding, Severity, Stage};
use crate::error::CurationError;
use crate::normal::normal_form;

pub(crate) const CHECK: Check = Check { name: "label-typos", stage: Stage::Rows, run };

/// How much more frequent the intended label must be.
const FREQUENCY_RATIO: u64 = 10;
/// Characters from which one edit counts, and from which two count.
const LENGTH_FOR_ONE: usize = 4;
const LENGTH_FOR_TWO: usize = 10;

/// A label as it is compared.
struct Candidate<'a> {
    label: &'a str,
    rows: u64,
    normal: Vec<char>,
    /// One bit per character class, for a cheap lower bound of the distance.
    letters: u64,
}

fn run(evidence: &Evidence<'_>) -> Result<Vec<Finding>, CurationError> {
    let labels = evidence.staged.labels.iter();
    let mut candidates: Vec<Candidate<'_>> = labels
        .zip(evidence.label_counts())
        .map(|(label, rows)| Candidate::new(label.as_str(), rows))
        .collect();
    // The frequent label of a pair comes first.
    candidates.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.label.cmp(b.label)));
    let mut notes = Vec::new();
    for (at, rare) in candidates.iter().enumerate() {
        if let Some(intended) = candidates[..at].iter().find(|it| is_variant(rare, it)) {
            notes.push(format!(
                "`{}` ({}) may mean `{}` ({})",
                rare.label,
                super::counted(rare.rows, "row"),
                intended.label,
                super::counted(intended.rows, "row")
            ));
        }
    }
    if notes.is_empty() {
        return Ok(Vec::new());
    }
    let count = notes.len() as u64;
    let examples = notes.into_iter().take(EXHIBITS_MAX);
    Ok(vec![Finding {
        check: CHECK.name.to_owned(),
        severity: Severity::Warning,
        summary: format!("{} like another one misspelt", super::counted(count, "label") + if count == 1 { " looks" } else { " look" }),
        count,
        remedy: "correct the label in the source if it is a slip; a misspelt label is a class of its own that nobody asks for".to_owned(),
        examples: examples.map(|note| Exhibit { note, rows: Vec::new() }).collect(),
    }])
}

impl<'a> Candidate<'a> {
    fn new(label: &'a str, rows: u64) -> Self {
        let normal: Vec<char> = normal_form(label).chars().filter(|it| *it != ' ').collect();
        let letters = normal.iter().fold(0, |bits, c| bits | 1 << (u32::from(*c) % 64));
        Self { label, rows, normal, letters }
    }
}

fn is_variant(rare: &Candidate<'_>, frequent: &Candidate<'_>) -> bool {
    if rare.normal == frequent.normal {
        return true;
    }
    let shorter = rare.normal.len().min(frequent.normal.len());
    let edits_max = match shorter {
        ..LENGTH_FOR_ONE => return false,
        LENGTH_FOR_ONE..LENGTH_FOR_TWO => 1,
        _ => 2,
    };
    let unlike = (rare.letters ^ frequent.letters).count_ones() as usize;
    rare.rows.saturating_mul(FREQUENCY_RATIO) <= frequent.rows
        && rare.normal.len().abs_diff(frequent.normal.len()) <= edits_max
        && unlike <= 2 * edits_max
        && digits(&rare.normal) == digits(&frequent.normal)
        && distance(&rare.normal, &frequent.normal) <= edits_max
}

fn digits(text: &[char]) -> String {
    text.iter().filter(|it| it.is_numeric()).collect()
}

/// Optimal string alignment: insertions, deletions, substitutions and swapped neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substituted.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rare: (&str, u64), frequent: (&str, u64), expected: bool) {
        let found =
            is_variant(&Candidate::new(rare.0, rare.1), &Candidate::new(frequent.0, frequent.1));
        assert_eq!(found, expected, "{rare:?} against {frequent:?}");
    }

    #[test]
    fn spelling_variants_are_found_whatever_their_frequency() {
        check(("Card Arrival", 90), ("card_arrival", 100), true);
        check(("billing ", 5), ("Billing", 5), true);
    }

    #[test]
    fn a_rare_near_miss_of_a_frequent_label_is_a_typo() {
        check(("billling", 1), ("billing", 50), true);
        check(("biling", 5), ("billing", 50), true);
        check(("biling", 6), ("billing", 50), false);
        check(("card_arirval", 1), ("card_arrival", 40), true);
    }

    #[test]
    fn short_labels_and_codes_are_not_typos() {
        check(("no", 1), ("yes", 1000), false);
        check(("B20.1", 1), ("B21.1", 1000), false);
        check(("lost_card", 3), ("lost_cash", 1000), false);
    }

    #[test]
    fn the_distance_is_the_textbook_one() {
        let chars = |it: &str| it.chars().collect::<Vec<_>>();
        for (a, b, expected) in
            [("kitten", "sitting", 3), ("ca", "abc", 3), ("ab", "ba", 1), ("", "ab", 2)]
        {
            assert_eq!(distance(&chars(a), &chars(b)), expected, "{a} {b}");
        }
    }
}
