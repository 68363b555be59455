//! Template and enrolment numbers of biometric systems (HIPAA's sixteenth identifier, as text).

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "biometric_id",
    kind: Kind::new("BIOMETRIC_ID"),
    class: DataClass::Restricted,
    anchor: Anchor::Digits(4),
    patterns: &[Pattern::word(r"(?:[A-Z]{1,6}[-_]?)?[0-9]{4,12}(?:-[0-9A-Z]{2,8}){0,3}", 6)],
    context: &[
        "biometric",
        "fingerprint",
        "voiceprint",
        "retina",
        "iris scan",
        "face template",
        "fingerabdruck",
    ],
    found: &["fingerprint template ⟦FP-0099182⟧", "biometric id ⟦778120934⟧"],
    passed_over: &["template FP-0099182"],
    ..Recogniser::BASE
};
