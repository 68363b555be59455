//! `<EMAIL_1>`: typed, numbered, the same for the same text throughout a conversation.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;

use crate::error::DeidentificationError;
use crate::recognisers::Kind;

/// Distinct values of one conversation or document.
const VALUES_MAX: usize = 1_000_000;
/// Longest text between `<` and `>` that can be a placeholder.
const NAME_BYTES_MAX: usize = 48;

/// What stands for what.
#[derive(Clone, Default)]
pub(super) struct Placeholders {
    by_value: HashMap<Kind, HashMap<String, String>>,
    /// Originals by placeholder.
    originals: BTreeMap<String, Original>,
}

/// What a placeholder stands for.
#[derive(Clone)]
pub(super) struct Original {
    pub(super) text: String,
    /// It was a JSON number.
    pub(super) number: bool,
}

impl fmt::Debug for Placeholders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Placeholders")
            .field("values", &self.originals.len())
            .finish_non_exhaustive()
    }
}

impl Placeholders {
    /// The placeholder of a value; a new number for a new one.
    pub(super) fn of(&mut self, kind: Kind, text: &str) -> Result<String, DeidentificationError> {
        let values = self.by_value.entry(kind).or_default();
        if let Some(known) = values.get(text) {
            return Ok(known.clone());
        }
        if self.originals.len() >= VALUES_MAX {
            return Err(DeidentificationError::Limit {
                what: "the number of distinct identifiers".to_owned(),
                limit: VALUES_MAX as u64,
                remedy: "split the document, or use the operator `hash`, which remembers nothing",
            });
        }
        let placeholder = format!("<{kind}_{}>", values.len() + 1);
        values.insert(text.to_owned(), placeholder.clone());
        let original = Original { text: text.to_owned(), number: false };
        self.originals.insert(placeholder.clone(), original);
        Ok(placeholder)
    }

    pub(super) fn mark_number(&mut self, placeholder: &str) {
        if let Some(original) = self.originals.get_mut(placeholder) {
            original.number = true;
        }
    }

    pub(super) fn original(&self, placeholder: &str) -> Option<&Original> {
        self.originals.get(placeholder)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Original)> {
        self.originals.iter().map(|(placeholder, original)| (placeholder.as_str(), original))
    }
}

/// Every place that has the form of a placeholder.
pub(super) fn shaped(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let opened = text.match_indices('<').map(|(at, _)| at);
    opened
        .filter_map(|start| {
            let rest = &bytes[start + 1..];
            let inside = |it: &&u8| it.is_ascii_uppercase() || it.is_ascii_digit() || **it == b'_';
            let length = rest.iter().take(NAME_BYTES_MAX).take_while(inside).count();
            let name = &text[start + 1..start + 1 + length];
            let (kind, number) = name.rsplit_once('_')?;
            let formed = kind.starts_with(|it: char| it.is_ascii_uppercase())
                && !number.is_empty()
                && number.bytes().all(|it| it.is_ascii_digit());
            (formed && rest.get(length) == Some(&b'>')).then(|| start..start + length + 2)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_form_of_a_placeholder_is_seen() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = shaped(text).into_iter().map(|it| &text[it]).collect();
            assert_eq!(found, expected, "{text:?}");
        };
        check("a <EMAIL_1> b <US_SSN_12>", &["<EMAIL_1>", "<US_SSN_12>"]);
        check("<<X_1> <email_1> <EMAIL> <EMAIL_> <_1> <EMAIL_1", &["<X_1>"]);
    }

    #[test]
    fn one_value_has_one_placeholder() {
        let mut placeholders = Placeholders::default();
        let mut of = |kind, text| placeholders.of(kind, text).unwrap();
        assert_eq!(of(Kind::AGE, "92"), "<AGE_1>");
        assert_eq!(of(Kind::AGE, "93"), "<AGE_2>");
        assert_eq!(of(Kind::AGE, "92"), "<AGE_1>");
        assert_eq!(of(Kind::DATE, "92"), "<DATE_1>");
    }
}
