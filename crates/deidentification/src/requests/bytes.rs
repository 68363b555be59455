//! Texts inside bytes that are no text: captions, comments and other fields of images.
//!
//! Pixels are not read. Compressed fields (PNG's `zTXt`) and text in UTF-16 are not either.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::DeidentificationError;

/// Shorter runs occur by chance; an identifier in a shorter one is not found.
const RUN_BYTES_MIN: usize = 8;
/// Beyond it the search is not to the end, which is an error; the fields of a real image are far
/// shorter.
const TEXT_BYTES_MAX: usize = 256 << 10;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// Every run of readable characters, one a line; the whole if it is no base 64.
pub(super) fn readable(data: &str) -> Result<String, DeidentificationError> {
    let Ok(bytes) = BASE64.decode(data) else { return Ok(data.to_owned()) };
    let mut readable = String::new();
    let text = String::from_utf8_lossy(&bytes);
    let runs = text.split(|it: char| it.is_control() || it == char::REPLACEMENT_CHARACTER);
    for run in runs.filter(|it| it.len() >= RUN_BYTES_MIN) {
        if readable.len() + run.len() > TEXT_BYTES_MAX {
            return Err(DeidentificationError::Limit {
                what: "the text inside an image".to_owned(),
                limit: TEXT_BYTES_MAX as u64,
                remedy: "remove its comments and other text fields",
            });
        }
        readable.push_str(run);
        readable.push('\n');
    }
    Ok(readable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_an_image_are_read() {
        let bytes =
            b"\x89PNG\r\n\x1a\n\0\0\0\x1atEXtComment\0mail jane@example.com\xd0\x12\x01IDAT";
        assert_eq!(
            readable(&BASE64.encode(bytes)).unwrap(),
            "tEXtComment\nmail jane@example.com\n"
        );
        assert_eq!(readable("not base 64!").unwrap(), "not base 64!");
        let long = [b'a'; TEXT_BYTES_MAX + 1];
        assert!(readable(&BASE64.encode(long)).is_err());
    }
}
