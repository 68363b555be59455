//! Ages from 90 on become `90+`, as HIPAA's Safe Harbor asks; others stay.

use super::Operator;

/// The youngest age that is hidden.
const CAP: u32 = 90;

pub const OPERATOR: Operator = Operator {
    name: "age-cap",
    about: "ages from 90 on become 90+, others stay",
    keyed: false,
    apply: |work| {
        let age = work.text.trim().parse::<u32>().ok();
        Ok(age.map(|it| if it >= CAP { format!("{CAP}+") } else { work.text.to_owned() }))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognisers::Kind;
    use crate::redaction::operators::tests::apply;

    #[test]
    fn only_old_age_is_hidden() {
        let check = |text, expected: Option<&str>| {
            assert_eq!(apply(&OPERATOR, Kind::AGE, text).as_deref(), expected, "{text:?}");
        };
        check("89", Some("89"));
        check("90", Some("90+"));
        check("104", Some("90+"));
        check("ninety", None);
    }
}
