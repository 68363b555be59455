//! British national insurance numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::compact;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "uk_nino",
    kind: Kind::new("UK_NINO"),
    pack: Pack::Uk,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(6),
    patterns: &[Pattern::word(
        r"(?i)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
        70,
    )],
    check: |text| !matches!(&compact(text)[..2], "BG" | "GB" | "KN" | "NK" | "NT" | "TN" | "ZZ"),
    context: &["national insurance", "ni number", "nino"],
    found: &["NI number ⟦AB 12 34 56 C⟧", "⟦JG103759A⟧"],
    passed_over: &["GB123456A", "AB 12 34 56 E"],
};
