//! South African identity numbers: date and Luhn.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::luhn;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "za_identity",
    kind: Kind::new("ZA_IDENTITY"),
    pack: Pack::Za,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(13),
    patterns: &[Pattern::number(
        r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{4}[01][0-9]{2}",
        35,
    )],
    check: luhn,
    context: &["id number", "identity number", "south african id", "rsa id"],
    found: &["identity number ⟦8001015009087⟧"],
    passed_over: &["identity number 8001015009088", "8001015009087 rows"],
};
