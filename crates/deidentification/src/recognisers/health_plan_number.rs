//! Numbers of insured persons and plans (HIPAA's ninth identifier).

use super::{Anchor, DataClass, Kind, Pattern, Recogniser, has_digits};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "health_plan_number",
    kind: Kind::new("HEALTH_PLAN_NUMBER"),
    class: DataClass::Restricted,
    anchor: Anchor::Digits(4),
    patterns: &[Pattern::number(r"(?i)(?:[A-Z]{1,4}-?)?[0-9]{2,14}(?:-[0-9A-Z]{1,10}){0,2}", 7)],
    check: |text| has_digits(text, 5),
    context: &[
        "member id",
        "member number",
        "member no",
        "health plan",
        "beneficiary",
        "subscriber id",
        "policy number",
        "policy no",
        "insurance number",
        "insurance id",
        "group number",
        "medicaid",
        "versichertennummer",
        "krankenkasse",
        "numéro d'assuré",
        "póliza",
        "tessera sanitaria",
    ],
    found: &[
        "Member ID ⟦XYZ123456789⟧",
        "policy number: ⟦88-1120045⟧",
        "Versichertennummer ⟦A123456780⟧",
    ],
    passed_over: &["invoice XYZ123456789"],
    ..Recogniser::BASE
};
