//! Stars in place of letters and digits; the last four stay where enough are hidden.

use super::Operator;

/// What may be seen of a long identifier.
const SHOWN: usize = 4;

pub const OPERATOR: Operator = Operator {
    name: "mask",
    about: "letters and digits become stars, but for the last four of more than eight",
    keyed: false,
    apply: |work| {
        let total = work.text.chars().filter(|it| it.is_alphanumeric()).count();
        let hidden = if total > 2 * SHOWN { total - SHOWN } else { total };
        let mut seen = 0;
        let masked = work.text.chars().map(|it| {
            seen += usize::from(it.is_alphanumeric());
            if it.is_alphanumeric() && seen <= hidden { '*' } else { it }
        });
        Ok(Some(masked.collect()))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognisers::Kind;
    use crate::redaction::operators::tests::apply;

    #[test]
    fn enough_is_hidden() {
        let check = |text, expected: &str| {
            assert_eq!(apply(&OPERATOR, Kind::AGE, text).as_deref(), Some(expected), "{text:?}");
        };
        check("4111 1111 1111 1234", "**** **** **** 1234");
        check("12345678", "********");
        check("é1", "**");
    }
}
