//! The secret behind keyed operators: one key, a different subkey for each purpose.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::DeidentificationError;

/// 32 secret bytes. Never shown.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the text is anything else; the text is not repeated.
    pub fn parse(hex: &str) -> Result<Self, DeidentificationError> {
        let hex = hex.trim();
        let mut bytes = [0; 32];
        let valid = hex.len() == 64
            && hex.as_bytes().chunks(2).zip(&mut bytes).all(|(pair, byte)| {
                let digit = |it: u8| char::from(it).to_digit(16);
                let Some((high, low)) = digit(pair[0]).zip(digit(pair[1])) else { return false };
                *byte = (high * 16 + low) as u8;
                true
            });
        if valid { Ok(Self(bytes)) } else { Err(Self::malformed()) }
    }

    fn malformed() -> DeidentificationError {
        DeidentificationError::Request(
            "the key for de-identification is not 64 hexadecimal digits; make one with `openssl rand -hex 32`"
                .to_owned(),
        )
    }

    /// HMAC-SHA-256 of a message under the subkey of a purpose.
    pub(super) fn authenticate(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Self::mac(&Self::finish(Self::mac(&self.0), &[purpose.as_bytes()]));
        for part in parts {
            // Lengths keep `ab` + `c` apart from `a` + `bc`.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn mac(key: &[u8; 32]) -> Hmac<Sha256> {
        Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
    }

    fn finish(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits_and_stays_secret() {
        let key = Key::parse(&"0f".repeat(32)).unwrap();
        assert_eq!(format!("{key:?}"), "Key(..)");
        for wrong in ["", "0f", &"0g".repeat(32), &"é".repeat(32)] {
            let error = Key::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("openssl rand -hex 32"), "{error}");
        }
    }

    #[test]
    fn purposes_and_parts_are_told_apart() {
        let key = Key::parse(&"0f".repeat(32)).unwrap();
        let of = |purpose, parts: &[&[u8]]| key.authenticate(purpose, parts);
        assert_ne!(of("a", &[b"x"]), of("b", &[b"x"]));
        assert_ne!(of("a", &[b"ab", b"c"]), of("a", &[b"a", b"bc"]));
    }
}
