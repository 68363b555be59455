//! Irish personal public service numbers: letter modulo 23.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "ie_ppsn",
    kind: Kind::new("IE_PPSN"),
    pack: Pack::Ie,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"[0-9]{7}[A-W][A-IW]?", 45)],
    check: |text| {
        let sum = weighted(&digits(text), &[8, 7, 6, 5, 4, 3, 2]);
        let second = text
            .as_bytes()
            .get(8)
            .filter(|it| **it != b'W')
            .map_or(0, |it| u32::from(it - b'A' + 1));
        let letter = "WABCDEFGHIJKLMNOPQRSTUV".as_bytes()[((sum + 9 * second) % 23) as usize];
        text.as_bytes()[7] == letter
    },
    context: &["pps", "ppsn", "pps number", "personal public service"],
    found: &["PPS ⟦1234567T⟧"],
    passed_over: &["PPS 1234567A"],
};
