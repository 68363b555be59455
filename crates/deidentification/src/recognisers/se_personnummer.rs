//! Swedish personal numbers: Luhn over ten digits.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, luhn_of};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "se_personnummer",
    kind: Kind::new("SE_PERSONNUMMER"),
    pack: Pack::Se,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(10),
    patterns: &[
        Pattern::number(
            r"(?:(?:19|20)[0-9]{2}|[0-9]{2})(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01]|[6-8][0-9]|9[01])[-+][0-9]{4}",
            70,
        ),
        Pattern::number(r"(?:19|20)?[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[0-9]{4}", 15),
    ],
    check: |text| {
        let digits = digits(text);
        luhn_of(&digits[digits.len() - 10..])
    },
    context: &["personnummer", "samordningsnummer", "personal number"],
    found: &["personnummer ⟦811228-9874⟧"],
    passed_over: &["811228-9875"],
};
