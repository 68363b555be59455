//! Serial numbers and unique device identifiers (HIPAA's thirteenth identifier).

use super::{Anchor, DataClass, Kind, Pattern, Recogniser, has_digits};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "device_serial",
    kind: Kind::DEVICE_ID,
    class: DataClass::Confidential,
    anchor: Anchor::Digits(3),
    patterns: &[
        // GS1 form of a unique device identifier: device, then lot, date or serial.
        Pattern::free(r"\(01\)[0-9]{14}(?:\((?:10|11|17|21)\)[A-Za-z0-9-]{1,20}){1,4}", 95),
        Pattern::number(r"[A-Z0-9]{2,12}(?:-[A-Z0-9]{1,12}){0,4}", 6),
    ],
    check: |text| has_digits(text, 3) && text.len() >= 6,
    context: &[
        "serial",
        "serial number",
        "serial no",
        "device id",
        "device identifier",
        "udi",
        "s/n",
        "sn",
        "pacemaker",
        "implant",
        "seriennummer",
        "geräte-id",
        "numéro de série",
        "número de serie",
        "numero di serie",
    ],
    found: &[
        "serial number ⟦X7K-99213-B⟧",
        "UDI ⟦(01)00643169007222(17)260301(21)PJN2205112⟧",
        "Seriennummer ⟦SN00812744⟧",
    ],
    passed_over: &["room X7K-99213-B"],
    ..Recogniser::BASE
};
