//! The text as a recogniser should see it: without the disguises that people and attackers use.
//!
//! Zero-width characters disappear, compatibility forms (full-width, mathematical, circled),
//! digits of other scripts, odd spaces and dashes become ASCII, and a letter that only looks
//! Latin becomes Latin inside a word that is partly ASCII. Escapes of URLs, HTML
//! and JSON become what they stand for. Everything else stays, and every byte knows where it came
//! from.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

mod escape;

/// A folded text with the way back.
#[derive(Debug)]
pub(super) struct View<'a> {
    text: Cow<'a, str>,
    original: &'a str,
    /// For each folded byte the original character it came from; empty if nothing changed.
    origins: Vec<u32>,
}

impl<'a> View<'a> {
    pub(super) fn of(original: &'a str) -> Self {
        let plain = View { text: Cow::Borrowed(original), original, origins: Vec::new() };
        let open = original.is_ascii() && !escape::may_occur(original);
        if open || u32::try_from(original.len()).is_err() {
            return plain;
        }
        let mut folded = Folding::default();
        let mut at = 0;
        while let Some((c, width)) = first(&original[at..]) {
            folded.add(at, c);
            at += width;
        }
        folded.end_word();
        if folded.text == original {
            return plain;
        }
        View { text: Cow::Owned(folded.text), original, origins: folded.origins }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The original bytes of a folded span that is not empty.
    pub(super) fn original(&self, span: &Range<usize>) -> Range<usize> {
        if self.origins.is_empty() {
            return span.clone();
        }
        let start = self.origins[span.start] as usize;
        let last = self.origins[span.end - 1] as usize;
        let width = first(&self.original[last..]).map_or(0, |(_, width)| width);
        start..last + width
    }
}

/// The first character, unescaped, and how many bytes stand for it.
fn first(text: &str) -> Option<(char, usize)> {
    escape::unescaped(text).or_else(|| text.chars().next().map(|c| (c, c.len_utf8())))
}

#[derive(Debug, Default)]
struct Folding {
    text: String,
    origins: Vec<u32>,
    /// Where the current word begins in `text`.
    word: usize,
    /// Whether the current word holds ASCII letters or digits, and look-alikes.
    ascii: bool,
    alike: bool,
}

impl Folding {
    fn add(&mut self, at: usize, c: char) {
        if c.is_ascii() {
            return self.push(at, c);
        }
        if is_invisible(c) {
            return;
        }
        match fold(c) {
            Some(ascii) => self.push(at, ascii),
            None => match compatible(c) {
                Some(ascii) => ascii.into_iter().for_each(|it| self.push(at, it)),
                None => {
                    self.alike |= look_alike(c).is_some();
                    self.push(at, c);
                }
            },
        }
    }

    fn push(&mut self, at: usize, c: char) {
        if !c.is_alphanumeric() {
            self.end_word();
        }
        self.ascii |= c.is_ascii_alphanumeric();
        self.text.push(c);
        let origin = u32::try_from(at).expect("longer texts are not folded");
        self.origins.extend(std::iter::repeat_n(origin, c.len_utf8()));
        if !c.is_alphanumeric() {
            self.word = self.text.len();
        }
    }

    /// A word of several scripts is a disguise; a word of one script is a language.
    fn end_word(&mut self) {
        if self.ascii && self.alike {
            let word = self.text.split_off(self.word);
            let origins = self.origins.split_off(self.word);
            for (at, c) in word.char_indices() {
                let c = look_alike(c).unwrap_or(c);
                self.text.push(c);
                self.origins.extend(std::iter::repeat_n(origins[at], c.len_utf8()));
            }
        }
        (self.ascii, self.alike, self.word) = (false, false, self.text.len());
    }
}

/// Characters that take no place: joiners, marks of direction, selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Spaces, dashes, dots and the digits of other scripts.
fn fold(c: char) -> Option<char> {
    /// The zeros of decimal digits that have no compatibility form; nine digits follow each.
    const ZEROS: &[u32] = &[
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
        0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
        0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xaa50, 0xabf0,
    ];
    match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Some(' ')
        }
        '\u{2028}' | '\u{2029}' | '\u{85}' => Some('\n'),
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Some('-'),
        '\u{3002}' | '\u{ff61}' | '\u{2024}' | '\u{b7}' | '\u{2022}' => Some('.'),
        '\u{2044}' | '\u{2215}' => Some('/'),
        '\u{2236}' | '\u{a789}' => Some(':'),
        _ => {
            let code = u32::from(c);
            let after = ZEROS.partition_point(|it| *it <= code);
            let digit = code - ZEROS.get(after.checked_sub(1)?)?;
            char::from_digit(digit, 10)
        }
    }
}

/// The compatibility form, if all of it is ASCII.
fn compatible(c: char) -> Option<Vec<char>> {
    // Letters with accents decompose into ASCII and a mark: those are letters of their own.
    if u32::from(c) < 0xaa || matches!(c, '\u{c0}'..='\u{24f}') {
        return None;
    }
    let form: Vec<char> = std::iter::once(c).nfkc().collect();
    (!form.is_empty() && form.iter().all(char::is_ascii)).then_some(form)
}

/// Letters of other alphabets that cannot be told from Latin ones.
fn look_alike(c: char) -> Option<char> {
    Some(match c {
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' | 'Ϲ' => 'C',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Υ' => 'Y',
        'Х' | 'Χ' => 'X',
        'Ζ' => 'Z',
        'а' | 'α' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' => 'e',
        'ɡ' => 'g',
        'һ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'κ' | 'к' => 'k',
        'ո' => 'n',
        'о' | 'ο' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' => 't',
        'υ' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'ү' => 'y',
        'ᴢ' => 'z',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(original: &str, folded: &str) {
        let view = View::of(original);
        assert_eq!(view.text(), folded, "{original:?}");
        for (at, c) in view.text().char_indices() {
            let span = view.original(&(at..at + c.len_utf8()));
            assert!(original.is_char_boundary(span.start) && original.is_char_boundary(span.end));
        }
    }

    #[test]
    fn disguises_fall() {
        check("4111\u{200b}1111", "41111111");
        check("４１１１ １１１１", "4111 1111");
        check("٠١٢ and १२", "012 and 12");
        check("pаypаl@ехample.com", "paypal@example.com");
        check("𝟜𝟙𝟙 ①", "411 1");
        check("030\u{2011}123", "030-123");
        check("me%40b.io &#52;1 \\u0034", "me@b.io 41 4");
    }

    #[test]
    fn languages_stay() {
        check("телефон Ελλάδα 電話 Größe café", "телефон Ελλάδα 電話 Größe café");
    }

    #[test]
    fn spans_lead_back() {
        let original = "х４\u{200b}１y";
        let view = View::of(original);
        let at = view.text().find("41").unwrap();
        assert_eq!(&original[view.original(&(at..at + 2))], "４\u{200b}１");
    }
}
