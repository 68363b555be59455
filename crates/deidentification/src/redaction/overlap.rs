//! Findings that overlap become spans that do not; nothing that was found is left uncovered.

use crate::detection::Finding;

/// Spans apart from each other, in order.
///
/// The longest finding wins its whole span, then the surest, then the one that comes first; of
/// the others the parts that stick out remain, if a letter or digit is in them.
#[must_use]
pub fn resolve(text: &str, mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.retain(|it| text.get(it.span.clone()).is_some_and(|it| !it.is_empty()));
    let rank = |it: &Finding| {
        (std::cmp::Reverse(it.span.len()), std::cmp::Reverse(it.score), it.span.start)
    };
    // Stable: the order of the table decides between equals.
    findings.sort_by_key(rank);
    let mut taken: std::collections::BTreeMap<usize, Finding> = std::collections::BTreeMap::new();
    for finding in findings {
        for part in free_parts(&taken, finding) {
            if text[part.span.clone()].chars().any(char::is_alphanumeric) {
                taken.insert(part.span.start, part);
            }
        }
    }
    taken.into_values().collect()
}

/// What of a finding no other one has taken.
fn free_parts(
    taken: &std::collections::BTreeMap<usize, Finding>,
    finding: Finding,
) -> Vec<Finding> {
    let (start, end) = (finding.span.start, finding.span.end);
    let before = taken.range(..start).next_back().map_or(start, |(_, it)| it.span.end.max(start));
    let mut parts = Vec::new();
    let mut at = before;
    for (from, other) in taken.range(start..end) {
        if at < *from {
            parts.push(Finding { span: at..*from, ..finding.clone() });
        }
        at = at.max(other.span.end);
    }
    if at < end {
        parts.push(Finding { span: at..end, ..finding });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{Form, Score};
    use crate::recognisers::Kind;

    #[track_caller]
    fn check(findings: &[(std::ops::Range<usize>, u8)], expected: &[(std::ops::Range<usize>, u8)]) {
        let text = "abcdefghij-klmno";
        let of = |(span, score): &(std::ops::Range<usize>, u8)| Finding {
            kind: Kind::AGE,
            recogniser: "",
            span: span.clone(),
            score: Score::percent(*score),
            form: Form::Plain,
        };
        let found = resolve(text, findings.iter().map(of).collect());
        let found: Vec<_> = found.into_iter().map(|it| (it.span, it.score.get())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_longest_wins_and_the_rest_stays_covered() {
        check(&[(0..4, 90), (0..9, 60)], &[(0..9, 60)]);
        check(&[(0..6, 90), (4..9, 60)], &[(0..6, 90), (6..9, 60)]);
        check(&[(4..6, 90), (4..6, 60)], &[(4..6, 90)]);
        check(&[(0..3, 50), (2..8, 50), (7..10, 50)], &[(0..2, 50), (2..8, 50), (8..10, 50)]);
    }

    #[test]
    fn what_sticks_out_without_letters_is_dropped() {
        check(&[(0..10, 90), (8..11, 60)], &[(0..10, 90)]);
    }
}
