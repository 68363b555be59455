//! Chinese resident identity numbers: ISO 7064 MOD 11-2.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "cn_resident_id",
    kind: Kind::new("CN_RESIDENT_ID"),
    pack: Pack::Cn,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(17),
    patterns: &[Pattern::word(
        r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]",
        85,
    )],
    check: |text| {
        const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum = weighted(&digits(&text[..17]), &WEIGHTS);
        "10X98765432".as_bytes()[(sum % 11) as usize] == text.as_bytes()[17].to_ascii_uppercase()
    },
    context: &["身份证", "身份证号", "resident identity", "id card"],
    found: &["身份证⟦11010519491231002X⟧"],
    passed_over: &["110105194912310021"],
};
