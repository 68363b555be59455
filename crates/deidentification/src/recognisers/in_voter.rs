//! Indian electoral photo identity cards.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "in_voter",
    kind: Kind::new("IN_VOTER"),
    pack: Pack::In,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"[A-Z]{3}[0-9]{7}", 10)],

    context: &["voter", "epic", "electoral"],
    found: &["voter id ⟦KSD1287349⟧"],
    passed_over: &["ABC1287349 rows"],
    ..Recogniser::BASE
};
