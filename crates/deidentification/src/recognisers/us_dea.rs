//! Registrations of prescribers with the Drug Enforcement Administration (Presidio: medical licence).

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_dea",
    kind: Kind::new("MEDICAL_LICENSE"),
    pack: Pack::Us,
    class: DataClass::Confidential,
    anchor: Anchor::Digits(7),
    patterns: &[Pattern::word(r"[ABCDEFGHJKLMPRSTUX][A-Z9][0-9]{7}", 55)],
    check: |text| {
        let digits = digits(&text[2..]);
        weighted(&digits, &[1, 2, 1, 2, 1, 2]) % 10 == digits[6]
    },
    context: &["dea", "prescriber", "medical license", "physician", "certificate"],
    found: &["DEA ⟦BB1388568⟧"],
    passed_over: &["BB1388567", "ZB1388568"],
};
