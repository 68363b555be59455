//! IMEI numbers of mobile devices: fifteen digits with Luhn.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, luhn_of};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "device_imei",
    kind: Kind::DEVICE_ID,
    class: DataClass::Confidential,
    anchor: Anchor::Digits(15),
    patterns: &[Pattern::number(r"[0-9]{2}[- ]?[0-9]{6}[- ]?[0-9]{6}[- ]?[0-9]", 25)],
    check: |text| {
        let digits = digits(text);
        !is_uniform(&digits) && luhn_of(&digits)
    },
    context: &["imei", "device", "handset", "mobile", "phone", "gerät"],
    found: &["IMEI ⟦490154203237518⟧", "imei: ⟦49-015420-323751-8⟧"],
    passed_over: &["IMEI 490154203237519", "490154203237518 units"],
    ..Recogniser::BASE
};
