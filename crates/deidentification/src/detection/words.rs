//! One pass that finds the literals which wake recognisers and the words that speak for them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::recognisers::{Anchor, Recogniser};

/// How far before an identifier a context word may end or begin, in bytes.
const REACH_BEFORE: usize = 64;
/// How far behind it.
const REACH_AFTER: usize = 40;

/// The automaton over all literals and context words.
pub(super) struct Words {
    automaton: AhoCorasick,
    /// By pattern of the automaton.
    entries: Vec<Entry>,
    recognisers: usize,
}

#[derive(Debug, Default, Clone)]
struct Entry {
    /// Recognisers whose anchor this is.
    anchors: Vec<usize>,
    /// Recognisers for which this is context.
    context: Vec<usize>,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Words {
    pub(super) fn new<'a>(recognisers: impl Iterator<Item = &'a Recogniser>) -> Self {
        let mut words: BTreeMap<String, Entry> = BTreeMap::new();
        let mut count = 0;
        for (at, recogniser) in recognisers.enumerate() {
            count = at + 1;
            if let Anchor::Literals(literals) = recogniser.anchor {
                for literal in literals {
                    words.entry((*literal).to_owned()).or_default().anchors.push(at);
                }
            }
            for word in recogniser.context.iter().flat_map(|it| spellings(it)) {
                words.entry(word).or_default().context.push(at);
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words.keys())
            .expect("a few hundred short words are within the automaton's limits");
        Self { automaton, entries: words.into_values().collect(), recognisers: count }
    }

    /// Everything that occurs in the text.
    pub(super) fn sight(&self, text: &str) -> Sightings {
        let mut sightings = Sightings { anchored: vec![false; self.recognisers], hits: Vec::new() };
        for found in self.automaton.find_overlapping_iter(text) {
            let entry = &self.entries[found.pattern().as_usize()];
            for at in &entry.anchors {
                sightings.anchored[*at] = true;
            }
            if !entry.context.is_empty() && is_word(text, found.range()) {
                let (start, end) = (found.start(), found.end());
                sightings.hits.extend(entry.context.iter().map(|it| Hit {
                    recogniser: *it,
                    start,
                    end,
                }));
            }
        }
        sightings.hits.sort_unstable_by_key(|it| (it.recogniser, it.start));
        sightings
    }

    /// For which recognisers the name of a column or key is context.
    pub(super) fn heading(&self, heading: &str) -> Vec<bool> {
        let mut under = vec![false; self.recognisers];
        if !heading.is_empty() {
            for hit in self.sight(&spaced(heading)).hits {
                under[hit.recogniser] = true;
            }
        }
        under
    }
}

/// Case is ignored for ASCII only, so other words are listed in three spellings.
fn spellings(word: &str) -> Vec<String> {
    if word.is_ascii() {
        return vec![word.to_owned()];
    }
    let mut rest = word.chars();
    let title: String = rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect();
    let mut all = vec![word.to_owned(), word.to_uppercase(), title];
    all.sort_unstable();
    all.dedup();
    all
}

/// `customerPhone_no` as `customer Phone no`.
fn spaced(heading: &str) -> String {
    let mut text = String::with_capacity(heading.len() + 8);
    let mut before_lower = false;
    for c in heading.chars() {
        if c.is_uppercase() && before_lower {
            text.push(' ');
        }
        before_lower = c.is_lowercase();
        text.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    text
}

/// Whether a hit stands alone, but for a plural `s`. Scripts without spaces have no words to
/// stand between, so only letters of the same kind count as going on.
fn is_word(text: &str, range: Range<usize>) -> bool {
    let bytes = text.as_bytes();
    let goes_on = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let plural = matches!(bytes.get(range.end), Some(b's' | b'S'));
    (range.start == 0 || !goes_on(range.start - 1))
        && (!goes_on(range.end) || (plural && !goes_on(range.end + 1)))
}

/// What was seen in one text.
#[derive(Debug)]
pub(super) struct Sightings {
    anchored: Vec<bool>,
    /// By recogniser, then by place.
    hits: Vec<Hit>,
}

#[derive(Debug, Clone, Copy)]
struct Hit {
    recogniser: usize,
    start: usize,
    end: usize,
}

impl Sightings {
    /// Whether one of the recogniser's literals occurs.
    pub(super) fn anchored(&self, recogniser: usize) -> bool {
        self.anchored[recogniser]
    }

    /// Whether one of its context words stands near the span.
    pub(super) fn context_near(&self, recogniser: usize, span: &Range<usize>) -> bool {
        let from = (recogniser, span.start.saturating_sub(REACH_BEFORE));
        let first = self.hits.partition_point(|it| (it.recogniser, it.start) < from);
        self.hits[first..]
            .iter()
            .take_while(|it| it.recogniser == recogniser && it.start < span.end + REACH_AFTER)
            .any(|it| it.end <= span.start || it.start >= span.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_fall_into_words() {
        assert_eq!(spaced("customerPhone_no"), "customer Phone no");
        assert_eq!(spaced("SSN"), "SSN");
    }

    #[test]
    fn a_word_is_not_part_of_another() {
        let check = |text: &str, range, expected| assert_eq!(is_word(text, range), expected);
        check("tin: 1", 0..3, true);
        check("latin 1", 2..5, false);
        check("cards 1", 0..4, true);
        check("cardsharp", 0..4, false);
    }
}
