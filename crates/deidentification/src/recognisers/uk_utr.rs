//! British unique taxpayer references.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "uk_utr",
    kind: Kind::new("UK_UTR"),
    pack: Pack::Uk,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(10),
    patterns: &[Pattern::number(r"[0-9]{5} ?[0-9]{5}", 7)],

    context: &["utr", "unique taxpayer"],
    found: &["UTR ⟦12345 67890⟧"],
    passed_over: &["1234567890 rows"],
    ..Recogniser::BASE
};
