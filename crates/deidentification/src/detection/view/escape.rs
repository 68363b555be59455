//! Characters that are written as escapes of URLs, HTML and JSON.

/// The character that the beginning of the text stands for, and how many bytes stand for it;
/// `None` where it stands for itself.
pub(super) fn unescaped(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'%' => Some((readable(number(text.get(1..3)?, 16)?)?, 3)),
        b'\\' => match bytes.get(1)? {
            b'x' => Some((readable(number(text.get(2..4)?, 16)?)?, 4)),
            b'u' => Some((readable(number(text.get(2..6)?, 16)?)?, 6)),
            _ => None,
        },
        b'&' if bytes.get(1) == Some(&b'#') => entity(text),
        _ => None,
    }
}

/// Whether the text may hold an escape: what most texts do not.
pub(super) fn may_occur(text: &str) -> bool {
    text.contains(['%', '\\']) || text.contains("&#")
}

/// `&#64;` or `&#x40;`.
fn entity(text: &str) -> Option<(char, usize)> {
    // Longer ones are no characters, but for zeros in front.
    let end = text.as_bytes().iter().take(12).position(|it| *it == b';')?;
    let digits = &text[2..end];
    let value = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => number(hex, 16)?,
        None => number(digits, 10)?,
    };
    Some((readable(value)?, end + 1))
}

fn number(digits: &str, radix: u32) -> Option<u32> {
    // `from_str_radix` would take a sign.
    let digit = |it: char| it.is_digit(radix);
    (!digits.is_empty() && digits.chars().all(digit)).then_some(())?;
    u32::from_str_radix(digits, radix).ok()
}

/// Control characters are no disguise of anything.
fn readable(value: u32) -> Option<char> {
    char::from_u32(value).filter(|it| !it.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_told_from_what_looks_like_them() {
        let check = |text: &str, expected| assert_eq!(unescaped(text), expected, "{text:?}");
        check("%40x", Some(('@', 3)));
        check("&#64;", Some(('@', 5)));
        check("&#x0040;", Some(('@', 8)));
        check("\\u0040", Some(('@', 6)));
        check("\\x40", Some(('@', 4)));
        for none in [
            "",
            "%",
            "%4",
            "%+4",
            "%é",
            "%00",
            "&#;",
            "&#x;",
            "&#99999999;",
            "&amp;",
            "\\n",
            "\\ud800",
            "\\u40é",
            "@",
        ] {
            check(none, None);
        }
    }
}
