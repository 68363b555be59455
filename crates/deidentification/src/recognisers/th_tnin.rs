//! Thai national identification numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "th_tnin",
    kind: Kind::new("TH_TNIN"),
    pack: Pack::Th,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(13),
    patterns: &[Pattern::number(r"[1-8][ -]?[0-9]{4}[ -]?[0-9]{5}[ -]?[0-9]{2}[ -]?[0-9]", 30)],
    check: |text| {
        let digits = digits(text);
        let sum = weighted(&digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        (11 - sum % 11) % 10 == digits[12]
    },
    context: &["บัตรประชาชน", "เลขประจำตัว", "thai id", "national id"],
    found: &["thai id ⟦1101700201341⟧"],
    passed_over: &["thai id 1101700201342", "1101700201341 rows"],
};
