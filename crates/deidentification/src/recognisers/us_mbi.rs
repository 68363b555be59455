//! Medicare beneficiary identifiers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_mbi",
    kind: Kind::new("US_MBI"),
    pack: Pack::Us,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(2),
    patterns: &[Pattern::word(
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}",
        70,
    )],
    context: &["medicare", "mbi", "beneficiary"],
    found: &["Medicare ⟦1EG4-TE5-MK73⟧", "⟦1EG4TE5MK73⟧"],
    passed_over: &["1EG4-TE5-MK7", "1SG4-TE5-MK73"],
    ..Recogniser::BASE
};
