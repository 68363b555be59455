//! Base64 blobs, one level deep: what is hidden in them leaves all the same.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Shorter blobs hold no identifier that could be told from a word.
const BLOB_BYTES_MIN: usize = 12;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Every blob that decodes to readable text, with that text.
pub(super) fn blobs(text: &str) -> Vec<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    let inside = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'/' | b'-' | b'_');
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && inside(bytes[at]) {
            at += 1;
        }
        let mut end = at;
        if end - start >= BLOB_BYTES_MIN {
            while end < bytes.len() && bytes[end] == b'=' && end - at < 2 {
                end += 1;
            }
            if let Some(decoded) = decode(&text[start..end]) {
                found.push((start..end, decoded));
            }
        }
        at = end.max(start + 1);
    }
    found
}

/// The text inside, if it is text: UTF-8 without control characters other than white space.
fn decode(blob: &str) -> Option<String> {
    let engine = if blob.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    // Words and long numbers are made of the same letters; they rarely decode to text.
    let bytes = engine.decode(blob).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    (!text.chars().any(control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = blobs(text);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(range, it)| (&text[range.clone()], it.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn text_inside_a_blob_is_seen() {
        check("x bWVAZXhhbXBsZS5jb20= y", &[("bWVAZXhhbXBsZS5jb20=", "me@example.com")]);
        check("bWVAZXhhbXBsZS5jb20", &[("bWVAZXhhbXBsZS5jb20", "me@example.com")]);
    }

    #[test]
    fn words_and_numbers_are_not_blobs() {
        check("internationalisation 4111111111111111 short", &[]);
    }
}
