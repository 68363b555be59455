//! Indian goods and services tax numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "in_gstin",
    kind: Kind::new("IN_GSTIN"),
    pack: Pack::In,
    class: DataClass::Internal,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"(?:0[1-9]|[1-3][0-9])[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]", 85)],

    context: &["gstin", "gst"],
    found: &["GSTIN ⟦27AAPFU0939F1ZV⟧"],
    passed_over: &["27AAPFU0939F1AV"],
    ..Recogniser::BASE
};
