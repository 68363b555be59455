//! Polish personal numbers: weights modulo 10.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "pl_pesel",
    kind: Kind::new("PL_PESEL"),
    pack: Pack::Pl,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(11),
    patterns: &[Pattern::number(r"[0-9]{2}[0-9][0-9][0-3][0-9]{6}", 30)],
    check: |text| {
        let digits = digits(text);
        let sum = weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
        (1..=12).contains(&((digits[2] * 10 + digits[3]) % 20)) && sum.is_multiple_of(10)
    },
    context: &["pesel"],
    found: &["PESEL ⟦44051401359⟧"],
    passed_over: &["PESEL 44051401350", "44051401359 rows"],
};
