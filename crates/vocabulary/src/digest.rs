//! SHA-256 digests: the names of everything immutable.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes. Invariant: 64 lower-case hexadecimal characters.
///
/// Written `sha256:<hex>` in files and on the wire, as the OCI image specification does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

/// A text is not a digest.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a digest: expected `sha256:` and 64 lower-case hexadecimal characters")]
pub struct InvalidDigest(String);

impl Digest {
    /// Reads `sha256:<hex>` or the bare hexadecimal form.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        let lower_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let valid = hex.len() == 64 && hex.bytes().all(lower_hex);
        if valid { Ok(Self(hex.to_owned())) } else { Err(InvalidDigest(text.to_owned())) }
    }

    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        let mut builder = DigestBuilder::default();
        builder.update(bytes);
        builder.finish()
    }

    /// The 64 hexadecimal characters.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// The first twelve characters: enough for people, never for lookups by machines.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A digest in the making, for data that does not fit in memory.
#[derive(Debug, Default, Clone)]
pub struct DigestBuilder(Sha256);

impl DigestBuilder {
    /// Adds bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes.as_ref());
    }

    /// The digest of everything added.
    #[must_use]
    pub fn finish(self) -> Digest {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut hex = String::with_capacity(64);
        for byte in self.0.finalize() {
            hex.push(char::from(HEX[usize::from(byte >> 4)]));
            hex.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Digest(hex)
    }
}

impl std::io::Write for DigestBuilder {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_published_one() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").hex(), hex);
        assert_eq!(Digest::parse(&format!("sha256:{hex}")).unwrap(), Digest::of(b""));
    }

    #[test]
    fn upper_case_and_short_texts_are_refused() {
        assert!(Digest::parse(&"A".repeat(64)).is_err());
        assert!(Digest::parse("sha256:abc").is_err());
    }
}
