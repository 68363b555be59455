//! Australian company numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "au_acn",
    kind: Kind::new("AU_ACN"),
    pack: Pack::Au,
    class: DataClass::Internal,
    anchor: Anchor::Digits(9),
    patterns: &[Pattern::number(r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", 15)],
    check: |text| {
        let digits = digits(text);
        (10 - weighted(&digits, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == digits[8]
    },
    context: &["acn", "australian company number", "company number"],
    found: &["ACN ⟦004 085 616⟧"],
    passed_over: &["ACN 004 085 617", "004085616 rows"],
};
