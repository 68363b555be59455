//! Finds identifiers and secrets in text: every recogniser in a few linear passes.
//!
//! ```text
//! text ─ view ─▶ folded text ─ words, windows ─▶ regular expressions ─ check, context ─▶ findings
//! ```
//!
//! Spans always name bytes of the original text. Pure: no IO, no clock, shared freely between
//! threads. Never logs, prints or keeps what it reads.

use std::ops::Range;

use crate::error::DeidentificationError;
use crate::recognisers::{Kind, Pack, RECOGNISERS, Recogniser};

pub mod checksum;
mod encoded;
mod pattern;
mod view;
mod windows;
mod words;

use pattern::Compiled;
use view::View;
use words::{Sightings, Words};

/// How sure a recogniser is, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(u8);

impl Score {
    /// What counts as found unless the caller asks for more or less.
    pub const THRESHOLD: Self = Self(50);
    /// What a context word nearby adds.
    const CONTEXT: u8 = 45;

    /// A percentage; more than 100 is 100.
    #[must_use]
    pub const fn percent(value: u8) -> Self {
        Self(if value > 100 { 100 } else { value })
    }

    /// The percentage.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    fn raised(self) -> Self {
        Self::percent(self.0.saturating_add(Self::CONTEXT))
    }
}

/// One identifier in one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// The name of the recogniser.
    pub recogniser: &'static str,
    /// Bytes of the original text, on character boundaries.
    pub span: Range<usize>,
    pub score: Score,
    pub form: Form,
}

/// How an identifier was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    Plain,
    /// Inside a blob of base 64 or hexadecimal; the span is the whole blob.
    Base64,
}

/// What a detector looks for.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Country packs; the global recognisers always run.
    pub packs: Vec<Pack>,
    /// Kinds that are not looked for.
    pub without: Vec<Kind>,
    pub threshold: Score,
    /// Longest text in bytes.
    pub text_bytes_max: usize,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            packs: Pack::ALL.to_vec(),
            without: Vec::new(),
            threshold: Score::THRESHOLD,
            text_bytes_max: 4 * 1024 * 1024,
        }
    }
}

/// Compiled recognisers. Costs some milliseconds to make: make one and share it.
#[derive(Debug)]
pub struct Detector {
    compiled: Vec<Compiled>,
    words: Words,
    selection: Selection,
}

impl Default for Detector {
    fn default() -> Self {
        Self::new(Selection::default())
    }
}

/// A finding in a folded text, before its span is mapped back.
#[derive(Debug, Clone)]
struct Candidate {
    recogniser: &'static Recogniser,
    /// Position in the table, which breaks ties.
    rank: usize,
    span: Range<usize>,
    score: Score,
}

impl Detector {
    /// Compiles what the selection names.
    #[must_use]
    pub fn new(selection: Selection) -> Self {
        let wanted = |it: &&Recogniser| {
            (it.pack == Pack::Global || selection.packs.contains(&it.pack))
                && !selection.without.contains(&it.kind)
        };
        Self::of(RECOGNISERS.iter().filter(wanted), selection.clone())
    }

    /// One recogniser alone, as the conformance suite runs it.
    #[must_use]
    pub fn only(recogniser: &'static Recogniser) -> Self {
        Self::of(std::iter::once(recogniser), Selection::default())
    }

    fn of(recognisers: impl Iterator<Item = &'static Recogniser>, selection: Selection) -> Self {
        let compiled: Vec<Compiled> = recognisers.map(Compiled::new).collect();
        let words = Words::new(compiled.iter().map(|it| it.recogniser));
        Self { compiled, words, selection }
    }

    /// Everything found, in order of place; overlaps are left to the caller.
    ///
    /// # Errors
    /// When the text is longer than the selection allows.
    pub fn find(&self, text: &str) -> Result<Vec<Finding>, DeidentificationError> {
        self.find_under("", text)
    }

    /// Everything found in a text that stands under `heading`: the name of its column or the
    /// key of its JSON value, which counts as context for all of it.
    ///
    /// # Errors
    /// When the text is longer than the selection allows.
    pub fn find_under(
        &self,
        heading: &str,
        text: &str,
    ) -> Result<Vec<Finding>, DeidentificationError> {
        let max = self.selection.text_bytes_max;
        if text.len() > max {
            return Err(DeidentificationError::Limit {
                what: format!("a text of {} bytes", text.len()),
                limit: max as u64,
                remedy: "split it, or raise the limit of the detector",
            });
        }
        let view = View::of(text);
        let heading = self.words.heading(heading);
        let mut findings: Vec<(usize, Finding)> = self
            .scan(view.text(), &heading)
            .into_iter()
            .map(|it| (it.rank, it.finding(view.original(&it.span), Form::Plain)))
            .collect();
        for (blob, decoded) in encoded::blobs(view.text()) {
            let inner = View::of(&decoded);
            let best = self.scan(inner.text(), &heading).into_iter();
            let best = best.max_by_key(|it| (it.score, std::cmp::Reverse(it.rank)));
            let original = view.original(&blob);
            findings.extend(best.map(|it| (it.rank, it.finding(original, Form::Base64))));
        }
        findings.sort_by_key(|(rank, it)| (it.span.start, it.span.end, *rank, it.form));
        Ok(findings.into_iter().map(|(_, finding)| finding).collect())
    }

    fn scan(&self, text: &str, heading: &[bool]) -> Vec<Candidate> {
        let sightings = self.words.sight(text);
        let windows = windows::around_digits(text);
        let mut found = Vec::new();
        for (at, compiled) in self.compiled.iter().enumerate() {
            let place = Place { at, text, sightings: &sightings, under: heading[at] };
            let first = found.len();
            compiled.run(text, &windows, sightings.anchored(at), &mut |span, score| {
                let score = if place.has_context(&span) { score.raised() } else { score };
                if score >= self.selection.threshold {
                    let recogniser = compiled.recogniser;
                    found.push(Candidate { recogniser, rank: at, span, score });
                }
            });
            keep_longest(&mut found, first);
        }
        found
    }
}

/// Where one recogniser looks for its context words.
struct Place<'a> {
    at: usize,
    text: &'a str,
    sightings: &'a Sightings,
    under: bool,
}

impl Place<'_> {
    fn has_context(&self, span: &Range<usize>) -> bool {
        debug_assert!(self.text.is_char_boundary(span.start));
        self.under || self.sightings.context_near(self.at, span)
    }
}

impl Candidate {
    fn finding(&self, span: Range<usize>, form: Form) -> Finding {
        let Recogniser { kind, name, .. } = *self.recogniser;
        Finding { kind, recogniser: name, span, score: self.score, form }
    }
}

/// Several patterns of one recogniser may find the same place: the longest span counts, with the
/// best score.
fn keep_longest(found: &mut Vec<Candidate>, first: usize) {
    let mut own = found.split_off(first);
    own.sort_by_key(|it| (it.span.start, std::cmp::Reverse(it.span.end)));
    for candidate in own {
        match found[first..].last_mut() {
            Some(last) if candidate.span.end <= last.span.end => {
                last.score = last.score.max(candidate.score);
            }
            _ => found.push(candidate),
        }
    }
}
