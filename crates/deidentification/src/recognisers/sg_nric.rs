//! Singaporean identity cards and foreign identification numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{compact, digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "sg_nric",
    kind: Kind::new("SG_NRIC"),
    pack: Pack::Sg,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"(?i)[STFGM][0-9]{7}[A-Z]", 80)],
    check: valid,
    context: &["nric", "fin", "identity card"],
    found: &["NRIC ⟦S1234567D⟧"],
    passed_over: &["S1234567A"],
};

fn valid(text: &str) -> bool {
    let text = compact(text);
    let (first, last) = (text.as_bytes()[0], text.as_bytes()[8]);
    let sum = weighted(&digits(&text), &[2, 7, 6, 5, 4, 3, 2]);
    let (offset, letters) = match first {
        b'S' => (0, "JZIHGFEDCBA"),
        b'T' => (4, "JZIHGFEDCBA"),
        b'F' => (0, "XWUTRQPNMLK"),
        b'G' => (4, "XWUTRQPNMLK"),
        _ => (3, "XWUTRQPNJLK"),
    };
    letters.as_bytes()[((sum + offset) % 11) as usize] == last
}
