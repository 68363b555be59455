//! British driving licences: name, date of birth, initials.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "uk_driving_licence",
    kind: Kind::new("UK_DRIVING_LICENCE"),
    pack: Pack::Uk,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(6),
    patterns: &[Pattern::word(
        r"[A-Z9]{5}[0-9][0156][0-9](?:0[1-9]|[12][0-9]|3[01])[0-9][A-Z9]{2}[A-Z0-9]{3}",
        85,
    )],

    context: &["driving licence", "dvla", "licence"],
    found: &["licence ⟦MORGA657054SM9IJ⟧"],
    passed_over: &["MORGA697054SM9IJ"],
    ..Recogniser::BASE
};
