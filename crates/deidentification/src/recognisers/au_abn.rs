//! Australian business numbers: weights modulo 89.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "au_abn",
    kind: Kind::new("AU_ABN"),
    pack: Pack::Au,
    class: DataClass::Internal,
    anchor: Anchor::Digits(11),
    patterns: &[Pattern::number(r"[0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", 15)],
    check: |text| {
        let mut digits = digits(text);
        digits[0] = digits[0].wrapping_sub(1).min(9);
        weighted(&digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]).is_multiple_of(89)
    },
    context: &["abn", "australian business number", "business number"],
    found: &["ABN ⟦51 824 753 556⟧", "abn: ⟦51824753556⟧"],
    passed_over: &["ABN 51 824 753 557", "51824753556 rows"],
};
