//! American social security numbers, without the ranges that are never given out.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::digits;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_ssn",
    kind: Kind::new("US_SSN"),
    pack: Pack::Us,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(9),
    patterns: &[
        Pattern::number(r"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}", 80),
        Pattern::number(r"[0-8][0-9]{2}[ .][0-9]{2}[ .][0-9]{4}", 50),
        Pattern::number(r"[0-8][0-9]{8}", 8),
    ],
    check: |text| {
        let digits = digits(text);
        let area = digits[0] * 100 + digits[1] * 10 + digits[2];
        area != 0 && area != 666 && digits[3..5] != [0, 0] && digits[5..] != [0, 0, 0, 0]
    },
    context: &["ssn", "social security", "ss#", "ssns", "social", "ssid"],
    found: &["⟦078-05-1121⟧", "SSN ⟦078051121⟧", "social security number ⟦219 09 9999⟧"],
    passed_over: &[
        "000-12-3456",
        "666-12-3456",
        "123-00-4567",
        "123-45-0000",
        "078051121 rows",
        "123-45-6789-01",
    ],
};
