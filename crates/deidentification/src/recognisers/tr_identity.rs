//! Turkish identity numbers: two check digits.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::digits;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "tr_identity",
    kind: Kind::new("TR_IDENTITY"),
    pack: Pack::Tr,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(11),
    patterns: &[Pattern::number(r"[1-9][0-9]{10}", 35)],
    check: |text| {
        let digits = digits(text);
        let odd: u32 = digits[..9].iter().step_by(2).sum();
        let even: u32 = digits[1..8].iter().step_by(2).sum();
        let sum: u32 = digits[..10].iter().sum();
        (odd * 7 + 100 - even) % 10 == digits[9] && sum % 10 == digits[10]
    },
    context: &["tc kimlik", "kimlik no", "kimlik numarası", "tckn", "t.c."],
    found: &["TC kimlik ⟦10000000146⟧"],
    passed_over: &["TCKN 10000000147", "10000000146 rows"],
};
