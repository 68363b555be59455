//! Reversible with the key: AES-SIV (RFC 5297), deterministic, bound to the kind.
//!
//! Deterministic, because equal values should stay equal and no random source is needed; who
//! sees the result learns which values are equal, and their lengths.

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Operator;
use crate::error::DeidentificationError;
use crate::redaction::Key;

const OPEN: &str = "ENC[";

pub const OPERATOR: Operator = Operator {
    name: "encrypt",
    about: "reversible with the key (AES-SIV): `freehold deidentify --decrypt` turns it back",
    keyed: true,
    apply: |work| {
        let kind = work.kind.as_str();
        let sealed = cipher(work.key()).encrypt([kind.as_bytes()], work.text.as_bytes());
        let sealed = sealed.map_err(|_| DeidentificationError::Limit {
            what: format!("an identifier of {} bytes", work.text.len()),
            limit: u64::from(u32::MAX),
            remedy: "use the operator `hash` for it",
        })?;
        Ok(Some(format!("{OPEN}{kind}:{}]", URL_SAFE_NO_PAD.encode(sealed))))
    },
};

/// The text with every encrypted identifier turned back.
///
/// # Errors
/// When one of them was made with another key, or was changed since.
pub fn decrypt(text: &str, key: &Key) -> Result<String, DeidentificationError> {
    let mut cipher = cipher(key);
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        plain.push_str(&rest[..at]);
        let body = &rest[at + OPEN.len()..];
        let Some((kind, sealed, after)) = envelope(body) else {
            plain.push_str(OPEN);
            rest = body;
            continue;
        };
        let opened = URL_SAFE_NO_PAD.decode(sealed).ok();
        let opened = opened.and_then(|it| cipher.decrypt([kind.as_bytes()], &it).ok());
        let opened = opened.and_then(|it| String::from_utf8(it).ok()).ok_or_else(|| {
            let place = text.len() - rest.len() + at;
            DeidentificationError::Request(format!(
                "the encrypted {kind} at byte {place} does not open with this key; use the key it was made with, or restore the text if it was changed"
            ))
        })?;
        plain.push_str(&opened);
        rest = after;
    }
    plain.push_str(rest);
    Ok(plain)
}

/// Kind, ciphertext and what follows, if the text goes on like an envelope of ours.
fn envelope(body: &str) -> Option<(&str, &str, &str)> {
    let (inside, after) = body.split_once(']')?;
    let (kind, sealed) = inside.split_once(':')?;
    let named = !kind.is_empty() && kind.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
    let coded = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    (named && !sealed.is_empty() && sealed.bytes().all(coded)).then_some((kind, sealed, after))
}

fn cipher(key: &Key) -> Aes256Siv {
    let halves = [key.authenticate("encrypt", &[b"mac"]), key.authenticate("encrypt", &[b"ctr"])];
    Aes256Siv::new_from_slice(halves.as_flattened()).expect("the cipher takes 64 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognisers::Kind;
    use crate::redaction::operators::tests::apply;

    #[test]
    fn what_was_encrypted_comes_back() {
        let key = Key::parse(&"2b".repeat(32)).unwrap();
        let of = |text| apply(&OPERATOR, Kind::AGE, text).unwrap();
        let text = format!("a ENC[ b {} ENC[x:y] {}", of("92"), of("größe"));
        assert_eq!(decrypt(&text, &key).unwrap(), "a ENC[ b 92 ENC[x:y] größe");
        assert_eq!(of("92"), of("92"));
    }

    #[test]
    fn another_key_or_kind_is_refused_by_place() {
        let sealed = apply(&OPERATOR, Kind::AGE, "92").unwrap();
        let key = Key::parse(&"2b".repeat(32)).unwrap();
        let other = Key::parse(&"2c".repeat(32)).unwrap();
        for (text, key) in [(sealed.clone(), &other), (sealed.replace("AGE", "DATE"), &key)] {
            let error = decrypt(&format!("x {text}"), key).unwrap_err().to_string();
            assert!(error.contains("at byte 2"), "{error}");
        }
    }
}
