//! Australian tax file numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "au_tfn",
    kind: Kind::new("AU_TFN"),
    pack: Pack::Au,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(9),
    patterns: &[Pattern::number(r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", 15)],
    check: |text| weighted(&digits(text), &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11),
    context: &["tfn", "tax file number", "tax file"],
    found: &["TFN ⟦123 456 782⟧"],
    passed_over: &["TFN 123 456 783", "123456782 rows"],
};
