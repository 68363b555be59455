//! Numbers of patients and their records (HIPAA's eighth identifier).

use super::{Anchor, DataClass, Kind, Pattern, Recogniser, has_digits};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "medical_record_number",
    kind: Kind::new("MEDICAL_RECORD_NUMBER"),
    class: DataClass::Restricted,
    anchor: Anchor::Digits(4),
    patterns: &[
        Pattern::free(r"(?i)(?-u:\b)MRN[-:# ]{0,3}([A-Z]{0,3}-?[0-9]{4,12})(?-u:\b)", 90),
        Pattern::number(r"(?i)(?:[A-Z]{1,3}-?)?[0-9]{4,12}(?:-[0-9]{1,6}){0,2}", 8),
    ],
    check: |text| has_digits(text, 4),
    context: &[
        "mrn",
        "medical record",
        "record number",
        "chart number",
        "patient id",
        "patient number",
        "patient no",
        "hospital number",
        "encounter",
        "patientennummer",
        "fallnummer",
        "patienten-id",
        "numéro de dossier",
        "historia clínica",
        "cartella clinica",
    ],
    found: &["MRN: ⟦00482913⟧", "medical record number ⟦A-448120⟧", "Patientennummer ⟦778812⟧"],
    passed_over: &["page 00482913", "in 2019 patients came"],
    ..Recogniser::BASE
};
