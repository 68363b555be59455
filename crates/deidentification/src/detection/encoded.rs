//! Blobs of base 64 or hexadecimal, also in lines or one inside the other: what is hidden in them
//! leaves all the same.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Shorter blobs hold no identifier that could be told from a word.
const BLOB_BYTES_MIN: usize = 12;

/// How deep blobs inside blobs are followed.
const DEPTH_MAX: usize = 2;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Every blob that decodes to readable text, with that text.
pub(super) fn blobs(text: &str) -> Vec<(Range<usize>, String)> {
    blobs_within(text, DEPTH_MAX)
}

fn blobs_within(text: &str, depth: usize) -> Vec<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let first = run_end(bytes, at);
        if first - at < BLOB_BYTES_MIN {
            at = first.max(at + 1);
            continue;
        }
        // In lines, as mail has it, or in one.
        let last = lines_end(bytes, first);
        let whole = [last, first].into_iter().map(|end| at..padded_end(bytes, end));
        let decoded = whole.filter_map(|it| Some((it.clone(), decode(&text[it])?))).next();
        at = first;
        if let Some((range, mut decoded)) = decoded {
            at = range.end;
            if depth > 0 {
                let inner = blobs_within(&decoded, depth - 1);
                let inner: Vec<String> = inner.into_iter().map(|(_, it)| it).collect();
                for text in inner {
                    decoded.push('\n');
                    decoded.push_str(&text);
                }
            }
            found.push((range, decoded));
        }
    }
    found
}

/// Where a run of the alphabet ends that begins here.
fn run_end(bytes: &[u8], from: usize) -> usize {
    let inside = |it: &u8| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'/' | b'-' | b'_');
    from + bytes[from..].iter().take_while(|it| inside(it)).count()
}

/// Where runs end that follow one another line by line.
fn lines_end(bytes: &[u8], mut end: usize) -> usize {
    loop {
        let broken = bytes[end..].iter().take(2).take_while(|it| matches!(it, b'\r' | b'\n'));
        let next = end + broken.count();
        let further = run_end(bytes, next);
        if next == end || further == next {
            return end;
        }
        end = further;
    }
}

fn padded_end(bytes: &[u8], end: usize) -> usize {
    end + bytes[end..].iter().take(2).take_while(|it| **it == b'=').count()
}

/// The text inside, if it is text: UTF-8 without control characters other than white space.
fn decode(blob: &str) -> Option<String> {
    let joined: String;
    let blob = if blob.contains('\n') {
        joined = blob.replace(['\r', '\n'], "");
        &joined
    } else {
        blob
    };
    let engine = if blob.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    // Words and long numbers are made of the same letters; they rarely decode to text.
    let readable = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).ok()?;
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        (!text.chars().any(control)).then_some(text)
    };
    hexadecimal(blob).and_then(readable).or_else(|| engine.decode(blob).ok().and_then(readable))
}

fn hexadecimal(blob: &str) -> Option<Vec<u8>> {
    let digit = |it: u8| char::from(it).to_digit(16);
    let pairs = blob.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(pair[0])? * 16 + digit(*pair.get(1)?)?) as u8)).collect()
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
        check("bWVAZXhhbXBs\r\nZS5jb20= y", &[("bWVAZXhhbXBs\r\nZS5jb20=", "me@example.com")]);
        check("6d65406578616d706c65", &[("6d65406578616d706c65", "me@example")]);
        let twice = "YldWQVpYaGhiWEJzWlM1amIyMD0=";
        check(twice, &[(twice, "bWVAZXhhbXBsZS5jb20=\nme@example.com")]);
    }

    #[test]
    fn words_and_numbers_are_not_blobs() {
        check("internationalisation 4111111111111111 short", &[]);
    }
}
