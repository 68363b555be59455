//! One recogniser, ready to run.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::Score;
use super::windows::Window;
use crate::recognisers::{Anchor, Edges, Pattern, Recogniser};

/// Words that are cut from the end of a match before it is given up.
const WORDS_CUT_MAX: usize = 6;

/// A recogniser with its expressions compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) recogniser: &'static Recogniser,
    patterns: Vec<CompiledPattern>,
}

#[derive(Debug)]
struct CompiledPattern {
    regex: Regex,
    score: Score,
    edges: Edges,
    /// The identifier is the first group, not the whole match.
    grouped: bool,
}

impl Compiled {
    pub(super) fn new(recogniser: &'static Recogniser) -> Self {
        let patterns = recogniser.patterns.iter().map(CompiledPattern::new).collect();
        Self { recogniser, patterns }
    }

    /// Gives every span that a pattern matches and the check accepts. Returns how many searches
    /// that took: each is bounded by the length of a match, so the time grows as the text does.
    pub(super) fn run(
        &self,
        text: &str,
        windows: &[Window],
        anchored: bool,
        give: &mut dyn FnMut(Range<usize>, Score),
    ) -> usize {
        let mut searches = 0;
        for pattern in &self.patterns {
            match self.recogniser.anchor {
                Anchor::Digits(least) => {
                    for window in windows.iter().filter(|it| it.digits >= least as usize) {
                        searches += self.run_in(text, window.range.clone(), pattern, give);
                    }
                }
                Anchor::Literals(_) if anchored => {
                    searches += self.run_in(text, 0..text.len(), pattern, give);
                }
                Anchor::Literals(_) => {}
            }
        }
        searches
    }

    fn run_in(
        &self,
        text: &str,
        window: Range<usize>,
        pattern: &CompiledPattern,
        give: &mut dyn FnMut(Range<usize>, Score),
    ) -> usize {
        let hay = &text[..window.end];
        let (mut at, mut searches) = (window.start, 1);
        while let Some((whole, span)) = pattern.next(hay, at) {
            let accepted = if self.accepts(text, pattern, &span) {
                Some((whole.end, span))
            } else {
                self.shortened(text, pattern, &span).map(|it| (it.end, it))
            };
            at = match accepted {
                Some((end, span)) => {
                    give(span, pattern.score);
                    end
                }
                // A refused match may hide a good one that begins at one of its later words.
                None => next_word(hay, whole.start),
            };
            if at >= hay.len() {
                break;
            }
            searches += 1;
        }
        searches
    }
}

impl Compiled {
    fn accepts(&self, text: &str, pattern: &CompiledPattern, span: &Range<usize>) -> bool {
        pattern.edges.hold(text, span) && (self.recogniser.check)(&text[span.clone()])
    }

    /// Groups are greedy and may have taken the next word: the match without its last words.
    fn shortened(
        &self,
        text: &str,
        pattern: &CompiledPattern,
        span: &Range<usize>,
    ) -> Option<Range<usize>> {
        if pattern.grouped {
            return None;
        }
        let mut end = span.end;
        for _ in 0..WORDS_CUT_MAX {
            end = span.start + text[span.start..end].rfind([' ', '-', '\n'])?;
            let shorter = pattern.regex.find_at(&text[..end], span.start)?.range();
            if shorter.start != span.start {
                return None;
            }
            if self.accepts(text, pattern, &shorter) {
                return Some(shorter);
            }
            end = shorter.end;
        }
        None
    }
}

impl CompiledPattern {
    fn new(pattern: &'static Pattern) -> Self {
        let body = match pattern.edges {
            Edges::Word | Edges::Number => {
                format!(r"(?-u:\b)(?:{})(?-u:\b)", pattern.regex)
            }
            Edges::Free => pattern.regex.to_owned(),
        };
        let regex = RegexBuilder::new(&body)
            .size_limit(4 << 20)
            .dfa_size_limit(8 << 20)
            .build()
            .unwrap_or_else(|error| panic!("the pattern `{}` is wrong: {error}", pattern.regex));
        let grouped = regex.captures_len() > 1;
        Self { regex, score: pattern.score, edges: pattern.edges, grouped }
    }

    /// The next match: all of it, and the part that is the identifier.
    fn next(&self, hay: &str, at: usize) -> Option<(Range<usize>, Range<usize>)> {
        if self.grouped {
            let captures = self.regex.captures_at(hay, at)?;
            let whole = captures.get(0)?.range();
            let span = captures.iter().skip(1).flatten().next().map(|it| it.range());
            return Some((whole.clone(), span.unwrap_or(whole)));
        }
        let whole = self.regex.find_at(hay, at)?.range();
        Some((whole.clone(), whole))
    }
}

impl Edges {
    /// Whether the match is not a piece of something longer.
    fn hold(self, text: &str, span: &Range<usize>) -> bool {
        if self != Self::Number {
            return true;
        }
        let bytes = text.as_bytes();
        let digit =
            |at: Option<usize>| at.is_some_and(|it| bytes.get(it).is_some_and(u8::is_ascii_digit));
        let joint =
            |at: Option<usize>| at.is_some_and(|it| matches!(bytes.get(it), Some(b'-' | b'.')));
        let (before, after) = (span.start.checked_sub(1), Some(span.end));
        let goes_back = joint(before) && digit(span.start.checked_sub(2));
        let goes_on = joint(after) && digit(Some(span.end + 1));
        !goes_back && !goes_on
    }
}

/// Where the next word begins after the one at `from`.
fn next_word(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let word = |at: &usize| bytes.get(*at).is_some_and(u8::is_ascii_alphanumeric);
    let mut at = from;
    if word(&at) {
        while word(&at) {
            at += 1;
        }
    }
    at = if at == from { at + 1 } else { at };
    text.ceil_char_boundary(at.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::windows::around_digits;
    use crate::recognisers::RECOGNISERS;

    /// Pieces that make a careless search try again at every place.
    const HOSTILE: &[&str] = &[
        "1 ",
        "1-",
        "1.",
        "12 ",
        "4111 ",
        "a@",
        "sk-",
        "eyJa.",
        "x://a:",
        "1a",
        "password:",
        "aa ",
        "A1 ",
    ];

    #[test]
    fn searches_grow_as_the_text_does() {
        for recogniser in RECOGNISERS {
            let compiled = Compiled::new(recogniser);
            for piece in HOSTILE {
                let searches = |times| {
                    let text = piece.repeat(times);
                    compiled.run(&text, &around_digits(&text), true, &mut |_, _| {})
                };
                let (small, large) = (searches(500), searches(1000));
                let name = recogniser.name;
                assert!(large <= 2 * small + 20, "{name} on {piece:?}: {small}, then {large}");
                assert!(large <= 3000 * recogniser.patterns.len(), "{name} on {piece:?}: {large}");
            }
        }
    }
}
