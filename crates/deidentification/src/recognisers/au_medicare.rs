//! Australian Medicare cards.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "au_medicare",
    kind: Kind::new("AU_MEDICARE"),
    pack: Pack::Au,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(10),
    patterns: &[Pattern::number(r"[2-6][0-9]{3}[ -]?[0-9]{5}[ -]?[0-9](?:[ /-]?[0-9])?", 20)],
    check: |text| {
        let digits = digits(text);
        weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digits[8]
    },
    context: &["medicare", "medicare number", "medicare card"],
    found: &["medicare ⟦2123 45670 1⟧"],
    passed_over: &["medicare 2123 45671 1", "2123456701 rows"],
};
