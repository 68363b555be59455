//! Singaporean unique entity numbers, by their forms.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "sg_uen",
    kind: Kind::new("SG_UEN"),
    pack: Pack::Sg,
    class: DataClass::Internal,
    anchor: Anchor::Digits(5),
    patterns: &[Pattern::word(
        r"(?:19|20)[0-9]{7}[A-Z]|[0-9]{8}[A-Z]|[TSR][0-9]{2}[A-Z]{2}[0-9]{4}[A-Z]",
        12,
    )],

    context: &["uen", "unique entity number", "acra"],
    found: &["UEN ⟦201912345K⟧", "UEN ⟦T08LL1234A⟧"],
    passed_over: &["201912345K rows"],
    ..Recogniser::BASE
};
