//! British National Health Service numbers: modulo 11.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "uk_nhs",
    kind: Kind::new("UK_NHS"),
    pack: Pack::Uk,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(10),
    patterns: &[
        Pattern::number(r"[0-9]{3}[ -][0-9]{3}[ -][0-9]{4}", 55),
        Pattern::number(r"[0-9]{10}", 25),
    ],
    check: |text| {
        let digits = digits(text);
        let check = (11 - weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        !is_uniform(&digits) && check == digits[9]
    },
    context: &["nhs", "nhs number", "national health", "health service"],
    found: &["NHS ⟦943 476 5919⟧", "nhs number: ⟦9434765919⟧"],
    passed_over: &["NHS 943 476 5910", "9434765919 rows"],
};
