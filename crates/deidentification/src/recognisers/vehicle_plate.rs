//! Registration plates near a word (HIPAA's twelfth identifier).

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "vehicle_plate",
    kind: Kind::VEHICLE_ID,
    class: DataClass::Confidential,
    anchor: Anchor::Digits(1),
    patterns: &[
        Pattern::word(r"[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2} ?[0-9]{1,4}[EH]?", 12),
        Pattern::word(
            r"[A-Z]{2}[0-9]{2} ?[A-Z]{3}|[A-Z]{2}-?[0-9]{3}-?[A-Z]{2}|[0-9]{4} ?[B-DF-HJ-NP-TV-Z]{3}",
            12,
        ),
        Pattern::word(r"[A-Z]{3}[- ]?[0-9]{3,4}|[0-9]{1,3}[- ]?[A-Z]{3}|[0-9][A-Z]{3}[0-9]{3}", 8),
        Pattern::word(r"[A-Z]{2} ?[0-9]{1,2} ?[A-Z]{1,2} ?[0-9]{4}", 12),
    ],
    context: &[
        "plate",
        "license plate",
        "licence plate",
        "number plate",
        "registration",
        "vehicle",
        "kennzeichen",
        "kfz",
        "plaque",
        "immatriculation",
        "matrícula",
        "targa",
        "kenteken",
    ],
    found: &[
        "license plate ⟦7ABC123⟧",
        "Kennzeichen ⟦B-MW 1234⟧",
        "plaque ⟦AB-123-CD⟧",
        "vehicle ⟦KA 01 AB 1234⟧",
    ],
    passed_over: &["article 7ABC123", "ISO 9001"],
    ..Recogniser::BASE
};
