//! Spanish tax numbers of persons: letter modulo 23.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::compact;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "es_nif",
    kind: Kind::new("ES_NIF"),
    pack: Pack::Es,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"[0-9]{8}[- ]?[A-Z]", 80), Pattern::word(r"[0-9]{7}[- ]?[A-Z]", 20)],
    check: |text| {
        let text = compact(text);
        let (number, _) = text.split_at(text.len() - 1);
        number.parse().is_ok_and(|it| letter(it) == text.chars().last())
    },
    context: &["nif", "dni", "documento nacional", "identificación"],
    found: &["DNI ⟦12345678Z⟧", "⟦12345678-Z⟧"],
    passed_over: &["12345678A"],
};

/// The letter that belongs to a number.
pub(super) fn letter(number: u32) -> Option<char> {
    "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth((number % 23) as usize)
}
