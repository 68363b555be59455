//! Spanish numbers of foreigners: letter modulo 23.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::compact;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "es_nie",
    kind: Kind::new("ES_NIE"),
    pack: Pack::Es,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"[XYZ]-?[0-9]{7}-?[A-Z]", 85)],
    check: |text| {
        let text = compact(text);
        let first = u32::from(text.as_bytes()[0] - b'X');
        let number = text[1..8].parse().unwrap_or(0u32) + first * 10_000_000;
        super::es_nif::letter(number) == text.chars().last()
    },
    context: &["nie", "extranjero"],
    found: &["NIE ⟦X1234567L⟧", "⟦Z8078221M⟧"],
    passed_over: &["X1234567M"],
};
