//! Japanese individual numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "jp_my_number",
    kind: Kind::new("JP_MY_NUMBER"),
    pack: Pack::Jp,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(12),
    patterns: &[Pattern::number(r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", 15)],
    check: |text| {
        let digits = digits(text);
        let sum = weighted(&digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        let rest = sum % 11;
        digits[11] == if rest < 2 { 0 } else { 11 - rest }
    },
    context: &["my number", "マイナンバー", "個人番号"],
    found: &["マイナンバー ⟦123456789018⟧"],
    passed_over: &["マイナンバー 123456789019", "123456789018 rows"],
};
