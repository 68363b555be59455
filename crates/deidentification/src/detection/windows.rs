//! Where digits stand: most text holds none, and most identifiers are made of them.

use std::ops::Range;

/// Digits further apart than this many bytes do not belong together.
const GAP: usize = 6;
/// What is shown around digits, for words that belong to the identifier.
const MARGIN: usize = 28;

/// A part of the text that holds digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) range: Range<usize>,
    /// Digits of the largest group.
    pub(super) digits: usize,
}

/// Windows in order, apart from each other, each ending where no word goes on.
pub(super) fn around_digits(text: &str) -> Vec<Window> {
    let bytes = text.as_bytes();
    let mut windows: Vec<Window> = Vec::new();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let (start, mut end, mut digits) = (at + found, at + found + 1, 1);
        let mut next = end;
        while next < bytes.len() && next - end <= GAP {
            if bytes[next].is_ascii_digit() {
                (end, digits) = (next + 1, digits + 1);
            }
            next += 1;
        }
        push(&mut windows, text, start..end, digits);
        at = end;
    }
    windows
}

fn push(windows: &mut Vec<Window>, text: &str, group: Range<usize>, digits: usize) {
    let start = text.floor_char_boundary(group.start.saturating_sub(MARGIN));
    let margin = text.ceil_char_boundary((group.end + MARGIN).min(text.len()));
    if let Some(last) = windows.last_mut()
        && start <= last.range.end
    {
        last.digits = last.digits.max(digits);
        // Only what lies beyond the window is read, so that one long word is read once.
        if margin > last.range.end {
            last.range.end = past_word(text, margin);
        }
        return;
    }
    windows.push(Window { range: start..past_word(text, margin), digits });
}

fn past_word(text: &str, from: usize) -> usize {
    let word = |it: &u8| it.is_ascii_alphanumeric() || *it == b'_';
    from + text.as_bytes()[from..].iter().take_while(|it| word(it)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, usize)]) {
        let found = around_digits(text);
        let found: Vec<(&str, usize)> =
            found.iter().map(|it| (&text[it.range.clone()], it.digits)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn digits_are_seen_with_what_stands_around_them() {
        check("no digits at all", &[]);
        check("call 555 0100", &[("call 555 0100", 7)]);
        let far = " and so it goes on and on for a long, long while without an end ";
        let text = format!("12{far}345");
        let windows = around_digits(&text);
        assert_eq!(windows.len(), 2);
        assert_eq!((windows[0].digits, windows[1].digits), (2, 3));
    }
}
