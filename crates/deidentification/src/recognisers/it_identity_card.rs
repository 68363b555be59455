//! Italian identity cards, on paper and electronic.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "it_identity_card",
    kind: Kind::new("IT_IDENTITY_CARD"),
    pack: Pack::It,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(5),
    patterns: &[
        Pattern::word(r"C[A-Z][0-9]{5}[A-Z]{2}", 25),
        Pattern::word(r"[A-Z]{2} ?[0-9]{7}", 8),
    ],

    context: &["carta d'identità", "carta identità", "identità", "documento"],
    found: &["carta d'identità ⟦CA00000AA⟧", "documento ⟦AX 1234567⟧"],
    passed_over: &["CA00000AA pezzi"],
    ..Recogniser::BASE
};
