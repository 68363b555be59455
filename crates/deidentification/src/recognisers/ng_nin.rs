//! Nigerian national identification numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "ng_nin",
    kind: Kind::new("NG_NIN"),
    pack: Pack::Ng,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(11),
    patterns: &[Pattern::number(r"[0-9]{11}", 7)],

    context: &["nin", "national identification number", "nimc"],
    found: &["NIN ⟦70123456789⟧"],
    passed_over: &["70123456789 rows"],
    ..Recogniser::BASE
};
