//! American driving licences: every state has its own form, so a word must stand near.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser, has_digits};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_driver_license",
    kind: Kind::new("US_DRIVER_LICENSE"),
    pack: Pack::Us,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(4),
    patterns: &[
        Pattern::number(
            r"[A-Z][0-9]{3,14}|[A-Z]{2}[0-9]{2,7}[A-Z]?|[0-9]{7,12}|[A-Z][0-9]{3}-[0-9]{4}-[0-9]{4}",
            16,
        ),
        Pattern::number(
            r"[0-9]{3}[A-Z]{2}[0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{4}|[0-9]{2}[A-Z]{3}[0-9]{5}|[A-Z]{3}[0-9]{6}|[A-Z]{1,3}-[0-9]{3}-[0-9]{3}-[0-9]{3}",
            16,
        ),
    ],
    check: |text| has_digits(text, 4),
    context: &[
        "driver's license",
        "drivers license",
        "driver license",
        "driving license",
        "driver's licence",
        "dl",
        "dl#",
        "license number",
        "permit",
        "lic#",
    ],
    found: &[
        "my driver's license number is ⟦F162823540116⟧",
        "DL: ⟦5130634⟧",
        "driver's license number is ⟦2270-66-1551⟧",
    ],
    passed_over: &["F162823540116 units", "ABCDEFGHIJKL is a license of the alphabet"],
};
