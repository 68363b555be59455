//! Italian VAT numbers: Luhn.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, luhn};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "it_vat",
    kind: Kind::new("IT_VAT"),
    pack: Pack::It,
    class: DataClass::Internal,
    anchor: Anchor::Digits(11),
    patterns: &[Pattern::number(r"(?:IT)?[0-9]{11}", 15)],
    check: |text| !is_uniform(&digits(text)) && luhn(text),
    context: &["partita iva", "p.iva", "iva", "vat"],
    found: &["Partita IVA ⟦07643520567⟧"],
    passed_over: &["IVA 07643520568", "07643520567 rows"],
};
