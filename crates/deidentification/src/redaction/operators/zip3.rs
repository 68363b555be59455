//! The first three digits of a ZIP code, as HIPAA's Safe Harbor allows where more than 20,000
//! people live; elsewhere `000`.

use super::Operator;

/// Areas of at most 20,000 people by the census of 2000, as the guidance of the Department of
/// Health and Human Services lists them.
const SPARSE: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878",
    "879", "884", "890", "893",
];

pub const OPERATOR: Operator = Operator {
    name: "zip3",
    about: "the first three digits of an American ZIP code, 000 where few people live",
    keyed: false,
    apply: |work| {
        let (zip, rest) = work.text.split_at_checked(5).unwrap_or((work.text, ""));
        let digits = |text: &str, n| text.len() == n && text.bytes().all(|it| it.is_ascii_digit());
        let long = rest.strip_prefix(['-', ' ']).is_some_and(|it| digits(it, 4));
        if !digits(zip, 5) || !(rest.is_empty() || long) {
            return Ok(None);
        }
        let area = &zip[..3];
        Ok(Some(if SPARSE.contains(&area) { "000" } else { area }.to_owned()))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognisers::Kind;
    use crate::redaction::operators::tests::apply;

    #[test]
    fn small_areas_disappear() {
        let check = |text, expected: Option<&str>| {
            assert_eq!(apply(&OPERATOR, Kind::POSTAL_CODE, text).as_deref(), expected, "{text:?}");
        };
        check("90210", Some("902"));
        check("90210-1234", Some("902"));
        check("03601", Some("000"));
        check("89301-0001", Some("000"));
        check("B0J 2H0", None);
        check("3520", None);
    }
}
