//! Italian driving licences.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "it_licence",
    kind: Kind::new("IT_DRIVER_LICENSE"),
    pack: Pack::It,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"(?:U1|[A-Z]{2})[0-9]{7}[A-Z]|U1[A-Z0-9]{7}[A-Z]", 15)],

    context: &["patente", "patente di guida", "licenza"],
    found: &["patente ⟦AA0123456B⟧"],
    passed_over: &["AA0123456B pezzi"],
    ..Recogniser::BASE
};
