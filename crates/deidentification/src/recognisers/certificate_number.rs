//! Certificates and licences without a form of their own (HIPAA's eleventh identifier).

use super::{Anchor, DataClass, Kind, Pattern, Recogniser, has_digits};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "certificate_number",
    kind: Kind::new("CERTIFICATE_NUMBER"),
    class: DataClass::Confidential,
    anchor: Anchor::Digits(4),
    patterns: &[Pattern::number(
        r"(?i)(?:[A-Z]{1,4}[-/]?)?[0-9]{4,12}(?:[-/][0-9A-Z]{1,6}){0,3}",
        6,
    )],
    check: |text| has_digits(text, 4),
    context: &[
        "certificate",
        "certificate number",
        "certificate no",
        "certification",
        "license number",
        "licence number",
        "license no",
        "licence no",
        "license #",
        "zertifikat",
        "lizenznummer",
        "numéro de licence",
        "licencia",
    ],
    found: &["certificate number ⟦RN-448213⟧", "Licence no ⟦884512/B⟧"],
    passed_over: &["ticket RN-448213"],
    ..Recogniser::BASE
};
