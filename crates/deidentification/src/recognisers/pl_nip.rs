//! Polish tax numbers: weights modulo 11.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "pl_nip",
    kind: Kind::new("PL_NIP"),
    pack: Pack::Pl,
    class: DataClass::Internal,
    anchor: Anchor::Digits(10),
    patterns: &[
        Pattern::number(r"[1-9][0-9]{2}-[0-9]{3}-[0-9]{2}-[0-9]{2}", 60),
        Pattern::number(r"[1-9][0-9]{9}", 15),
    ],
    check: |text| {
        let digits = digits(text);
        weighted(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == digits[9]
    },
    context: &["nip", "podatnik"],
    found: &["NIP ⟦123-456-32-18⟧"],
    passed_over: &["123-456-32-19", "1234563218 rows"],
};
