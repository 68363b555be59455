//! Indian Aadhaar numbers: Verhoeff.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, verhoeff};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "in_aadhaar",
    kind: Kind::new("IN_AADHAAR"),
    pack: Pack::In,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(12),
    patterns: &[
        Pattern::number(r"[2-9][0-9]{3}[ -][0-9]{4}[ -][0-9]{4}", 70),
        Pattern::number(r"[2-9][0-9]{11}", 30),
    ],
    check: |text| {
        let digits = digits(text);
        !is_uniform(&digits) && verhoeff(&digits)
    },
    context: &["aadhaar", "uidai", "आधार"],
    found: &["Aadhaar ⟦2341 2341 2346⟧", "आधार ⟦234123412346⟧"],
    passed_over: &["2341 2341 2347", "234123412346 rows"],
};
