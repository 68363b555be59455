//! Of a date only the year stays, as HIPAA's Safe Harbor allows.

use super::Operator;

pub const OPERATOR: Operator = Operator {
    name: "year",
    about: "of a date only the year stays",
    keyed: false,
    apply: |work| Ok(super::date_shift::year(work.text, work.dates).map(|it| it.to_string())),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognisers::Kind;
    use crate::redaction::operators::tests::apply;

    #[test]
    fn the_year_stays() {
        let check = |text, expected: Option<&str>| {
            assert_eq!(apply(&OPERATOR, Kind::DATE, text).as_deref(), expected, "{text:?}");
        };
        check("2/8/1935", Some("1935"));
        check("12 de marzo de 1999", Some("1999"));
        check("March 2021", Some("2021"));
        check("1977", Some("1977"));
        check("Monday", None);
    }
}
