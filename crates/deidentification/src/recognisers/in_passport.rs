//! Indian passports.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "in_passport",
    kind: Kind::PASSPORT,
    pack: Pack::In,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"[A-PR-WY][1-9][0-9]{5}[1-9]", 10)],

    context: &["passport", "पासपोर्ट"],
    found: &["passport ⟦A2096457⟧"],
    passed_over: &["type A2096457"],
    ..Recogniser::BASE
};
