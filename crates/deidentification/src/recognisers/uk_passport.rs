//! British passports.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "uk_passport",
    kind: Kind::PASSPORT,
    pack: Pack::Uk,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(9),
    patterns: &[Pattern::number(r"[0-9]{9}|[A-Z]{2}[0-9]{7}", 9)],

    context: &["uk passport", "british passport", "passport"],
    found: &["British passport ⟦925665416⟧"],
    passed_over: &["925665416 rows"],
    ..Recogniser::BASE
};
