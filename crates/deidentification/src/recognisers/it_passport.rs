//! Italian passports.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "it_passport",
    kind: Kind::PASSPORT,
    pack: Pack::It,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"[A-Z]{2}[0-9]{7}", 9)],

    context: &["passaporto", "passport"],
    found: &["passaporto ⟦YA1234567⟧"],
    passed_over: &["YA1234567 pezzi"],
    ..Recogniser::BASE
};
