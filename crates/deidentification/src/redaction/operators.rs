//! What is done to an identifier: one file per operator, one line in the table.

use crate::error::DeidentificationError;
use crate::recognisers::Kind;

use super::Key;
use super::placeholders::Placeholders;

mod age_cap;
mod date_shift;
mod encrypt;
mod hash;
mod keep;
mod mask;
mod replace;
mod year;
mod zip3;

pub use date_shift::DateOrder;
pub use encrypt::decrypt;

/// Every operator, in alphabetical order.
pub const OPERATORS: &[Operator] = &[
    age_cap::OPERATOR,
    date_shift::OPERATOR,
    encrypt::OPERATOR,
    hash::OPERATOR,
    keep::OPERATOR,
    mask::OPERATOR,
    replace::OPERATOR,
    year::OPERATOR,
    zip3::OPERATOR,
];

/// What stands in for an operator that cannot read its text.
pub(super) static REPLACE: Operator = replace::OPERATOR;

/// One way to make an identifier harmless.
#[derive(Debug)]
pub struct Operator {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether it works only with a key.
    pub keyed: bool,
    /// `None` if the text has no form that the operator understands.
    pub(super) apply: Apply,
}

type Apply = fn(&mut Work<'_>) -> Result<Option<String>, DeidentificationError>;

impl Operator {
    /// The operator of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        OPERATORS.iter().find(|it| it.name == name)
    }
}

/// One identifier and what an operator may need.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) key: Option<&'a Key>,
    pub(super) subject: &'a str,
    pub(super) dates: DateOrder,
    pub(super) placeholders: &'a mut Placeholders,
}

impl Work<'_> {
    /// The key, for operators that say that they need one.
    fn key(&self) -> &Key {
        self.key.expect("a redactor without key takes no policy with keyed operators")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an operator makes of a text, for a fixed key and subject.
    #[track_caller]
    pub(super) fn apply(operator: &Operator, kind: Kind, text: &str) -> Option<String> {
        let key = Key::parse(&"2b".repeat(32)).unwrap();
        let mut placeholders = Placeholders::default();
        let mut work = Work {
            kind,
            text,
            key: Some(&key),
            subject: "patient 7",
            dates: DateOrder::default(),
            placeholders: &mut placeholders,
        };
        (operator.apply)(&mut work).unwrap()
    }

    #[test]
    fn the_table_is_in_order_and_no_operator_stumbles() {
        assert!(OPERATORS.is_sorted_by_key(|it| it.name));
        for operator in OPERATORS {
            for text in [
                "",
                "x",
                "é",
                "92",
                "12345-6789",
                "2020-02-30",
                "99999999999999999999",
                "<EMAIL_1>",
            ] {
                apply(operator, Kind::DATE, text);
            }
        }
    }
}
