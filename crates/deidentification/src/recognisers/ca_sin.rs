//! Canadian social insurance numbers: Luhn.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, luhn};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "ca_sin",
    kind: Kind::new("CA_SIN"),
    pack: Pack::Ca,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(9),
    patterns: &[
        Pattern::number(r"[0-79][0-9]{2}[- ][0-9]{3}[- ][0-9]{3}", 40),
        Pattern::number(r"[0-79][0-9]{8}", 8),
    ],
    check: |text| !is_uniform(&digits(text)) && luhn(text),
    context: &["sin", "social insurance", "assurance sociale", "nas"],
    found: &["SIN ⟦046 454 286⟧"],
    passed_over: &["SIN 046 454 287", "046454286 rows"],
};
