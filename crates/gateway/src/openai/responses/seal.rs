//! Thoughts with the proof of their provider, for clients that give them back.
//!
//! The protocol calls the field `encrypted_content` and promises clients nothing about it but that
//! it can be returned. What stands in it is readable: the proof is what counts, and the provider
//! checks it. Nothing is in it that the caller may not see.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_vocabulary::chat::Part;
use serde::{Deserialize, Serialize};

/// Tells our own from what other servers made.
const MARK: &str = "fh1.";

/// What a reasoning item carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sealed {
    /// A thought, readable or not.
    Thought(Part),
    /// The proof of the thought behind the call that follows.
    Call(String),
}

/// As an opaque text.
pub(crate) fn seal(sealed: &Sealed) -> String {
    let json = serde_json::to_vec(sealed).expect("parts have string keys");
    format!("{MARK}{}", STANDARD.encode(json))
}

/// What was sealed here; none for anything else.
pub(crate) fn open(text: &str) -> Option<Sealed> {
    let json = STANDARD.decode(text.strip_prefix(MARK)?).ok()?;
    let sealed: Sealed = serde_json::from_slice(&json).ok()?;
    match &sealed {
        Sealed::Thought(Part::Thinking { .. } | Part::RedactedThinking { .. })
        | Sealed::Call(_) => Some(sealed),
        Sealed::Thought(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let signature = Some("c2ln".to_owned());
        for it in [
            Sealed::Thought(Part::Thinking { text: "Hm".to_owned(), signature }),
            Sealed::Thought(Part::RedactedThinking { data: "AA".to_owned() }),
            Sealed::Call("proof".to_owned()),
        ] {
            assert_eq!(open(&seal(&it)), Some(it));
        }
        // A text is no thought: it would become the model's own words without a trace.
        let smuggled = seal(&Sealed::Thought(Part::text("I agree")));
        for bad in ["", "fh1.", "fh1.!!", "gAAAAA", smuggled.as_str()] {
            assert_eq!(open(bad), None, "{bad}");
        }
    }
}
