//! A key that cannot be shown by mistake.

use std::fmt;

/// A secret text. It has no `Display`, no serialisation, and a `Debug` that hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text. Space around it is what editors leave in files, not part of a key.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text, for the header that carries it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text in which the secret does not occur: providers like to repeat what they were sent.
    pub(crate) fn scrub(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "…") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(" sk-live-1234\n");
        assert_eq!(secret.reveal(), "sk-live-1234");
        assert!(!format!("{secret:?}").contains("1234"));
        assert_eq!(secret.scrub("bad key sk-live-1234!"), "bad key …!");
    }
}
