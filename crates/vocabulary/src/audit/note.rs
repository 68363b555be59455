//! Signed notes (c2sp.org/signed-note): a text, an empty line, and one line for each signature.
//!
//! Here a note is read, written and put together with signatures; making and checking them needs
//! keys, which live elsewhere. A note without signatures is only its text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Hash;

/// Largest note, in bytes.
const BYTES_MAX: usize = 1 << 20;

/// A text and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What the signatures cover, with its last newline.
    pub text: String,
    pub signatures: Vec<Signature>,
}

/// One signature, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: String,
    /// The first bytes of a hash of the key: a hint which one it is.
    pub key: [u8; 4],
    pub bytes: Vec<u8>,
}

/// The algorithm of a key, as the specification numbers it.
pub const ED25519: u8 = 1;

/// A text is not a note.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNote {
    #[error("it has more than {BYTES_MAX} bytes")]
    TooLong,
    #[error("its text does not end with a newline")]
    NoNewline,
    #[error("it holds a control character")]
    Control,
    #[error("line {0} is not a signature")]
    Signature(usize),
}

/// The hint that a signature carries of its key.
#[must_use]
pub fn key_id(name: &str, algorithm: u8, key: &[u8]) -> [u8; 4] {
    let hash = Hash::of(&[name.as_bytes(), b"\n", &[algorithm], key]);
    [hash.0[0], hash.0[1], hash.0[2], hash.0[3]]
}

impl Note {
    /// Reads a note, signed or not. The last empty line stands before the signatures.
    ///
    /// # Errors
    /// When it is too long, not ended by a newline, or a line of the signatures is none.
    pub fn parse(note: &str) -> Result<Self, InvalidNote> {
        if note.len() > BYTES_MAX {
            return Err(InvalidNote::TooLong);
        }
        if note.chars().any(|it| it < ' ' && it != '\n') {
            return Err(InvalidNote::Control);
        }
        if !note.ends_with('\n') {
            return Err(InvalidNote::NoNewline);
        }
        let Some(end) = note.rfind("\n\n") else {
            return Ok(Self { text: note.to_owned(), signatures: Vec::new() });
        };
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        let first = text.lines().count() + 2;
        let signatures: Result<Vec<Signature>, InvalidNote> = (first..)
            .zip(signatures.lines())
            .map(|(line, signature)| read(signature).ok_or(InvalidNote::Signature(line)))
            .collect();
        Ok(Self { text: text.to_owned(), signatures: signatures? })
    }

    /// The note as it is kept.
    #[must_use]
    pub fn write(&self) -> String {
        let mut note = self.text.clone();
        if !self.signatures.is_empty() {
            note.push('\n');
        }
        for Signature { name, key, bytes } in &self.signatures {
            let bytes = STANDARD.encode([key.as_slice(), bytes].concat());
            note.push_str(&format!("— {name} {bytes}\n"));
        }
        note
    }
}

fn read(line: &str) -> Option<Signature> {
    let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
    let named = !name.is_empty() && !name.contains(|it: char| it.is_whitespace() || it == '+');
    let bytes = STANDARD.decode(bytes).ok().filter(|_| named)?;
    let (key, bytes) = bytes.split_first_chunk::<4>()?;
    Some(Signature { name: name.to_owned(), key: *key, bytes: bytes.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golang.org/x/mod/sumdb/note, where the format comes from.
    const PUBLISHED: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const KEY: &str = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn the_published_example_survives() {
        let note = Note::parse(PUBLISHED).unwrap();
        assert!(note.text.ends_with("problem is.\n"));
        let [signature] = &note.signatures[..] else { panic!("{:?}", note.signatures) };
        assert_eq!((&*signature.name, signature.bytes.len()), ("PeterNeumann", 64));
        let key = STANDARD.decode(KEY).unwrap();
        assert_eq!(signature.key, key_id("PeterNeumann", key[0], &key[1..]));
        assert_eq!((key[0], signature.key), (ED25519, [0xc7, 0x4f, 0x20, 0xa3]));
        assert_eq!(note.write(), PUBLISHED);
    }

    #[test]
    fn a_text_alone_is_a_note_without_signatures() {
        let note = Note::parse("one\ntwo\n").unwrap();
        assert_eq!((&*note.write(), note.signatures.len()), ("one\ntwo\n", 0));
    }

    #[test]
    fn other_texts_are_refused() {
        let refused = |text: &str| Note::parse(text).unwrap_err();
        assert_eq!(refused("one"), InvalidNote::NoNewline);
        assert_eq!(refused("one\t\n"), InvalidNote::Control);
        assert_eq!(refused("one\n\ntwo\n"), InvalidNote::Signature(3));
        assert_eq!(refused("one\n\n— a+b AAAAAAA=\n"), InvalidNote::Signature(3));
        assert_eq!(refused("one\n\n— ab AAA=\n"), InvalidNote::Signature(3));
        assert_eq!(refused(&"x\n".repeat(BYTES_MAX)), InvalidNote::TooLong);
    }
}
