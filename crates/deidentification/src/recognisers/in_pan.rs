//! Indian permanent account numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "in_pan",
    kind: Kind::new("IN_PAN"),
    pack: Pack::In,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(4),
    patterns: &[Pattern::word(r"[A-Z]{3}[ABCFGHJLPTK][A-Z][0-9]{4}[A-Z]", 60)],

    context: &["pan", "permanent account number", "income tax"],
    found: &["PAN ⟦ABCPD1234E⟧"],
    passed_over: &["ABCDE1234", "ABCXD1234E"],
    ..Recogniser::BASE
};
