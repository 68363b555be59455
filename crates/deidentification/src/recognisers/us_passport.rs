//! American passports.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_passport",
    kind: Kind::PASSPORT,
    pack: Pack::Us,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(8),
    patterns: &[Pattern::number(r"[A-Z][0-9]{8}|[0-9]{9}", 9)],
    context: &["passport", "passport number", "travel document"],
    found: &["passport ⟦A12345678⟧", "Passport number: ⟦340020013⟧"],
    passed_over: &["box A12345678"],
    ..Recogniser::BASE
};
