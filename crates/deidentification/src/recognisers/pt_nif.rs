//! Portuguese tax numbers: weights modulo 11.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "pt_nif",
    kind: Kind::new("PT_NIF"),
    pack: Pack::Pt,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(9),
    patterns: &[Pattern::number(r"[1235689][0-9]{8}", 15)],
    check: |text| {
        let digits = digits(text);
        let rest = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        digits[8] == if rest < 2 { 0 } else { 11 - rest }
    },
    context: &["nif", "contribuinte", "nipc"],
    found: &["NIF ⟦123456789⟧"],
    passed_over: &["NIF 123456780", "123456789 rows"],
};
