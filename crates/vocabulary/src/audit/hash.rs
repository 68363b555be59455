//! SHA-256 as bytes: what chains and trees are made of.
//!
//! [`crate::Digest`] names things for people and files; here hashes are computed by the million.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Thirty-two zeros: what stands before the first record.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of these parts, one behind the other.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Reads 64 lower-case hexadecimal characters.
    #[must_use]
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// Reads the standard base 64 of RFC 4648.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The standard base 64 of RFC 4648.
    #[must_use]
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_survives_both_of_its_texts() {
        let hash = Hash::of(&[b"a", b"b"]);
        assert_eq!(hash, Hash::of(&[b"ab"]));
        assert_eq!(Hash::from_hex(hash.to_string().as_bytes()), Some(hash));
        assert_eq!(Hash::from_base64(&hash.base64()), Some(hash));
        assert_eq!(hash.to_string(), crate::Digest::of("ab").hex());
    }

    #[test]
    fn other_texts_are_no_hashes() {
        assert_eq!(Hash::from_hex(&[b'A'; 64]), None);
        assert_eq!(Hash::from_hex(&[b'a'; 63]), None);
        assert_eq!(Hash::from_base64("AAAA"), None);
        assert_eq!(Hash::from_base64("not base 64"), None);
    }
}
