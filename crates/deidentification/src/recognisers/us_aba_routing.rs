//! Routing numbers of the American Bankers Association, with their check digit.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_aba_routing",
    kind: Kind::new("US_ABA_ROUTING"),
    pack: Pack::Us,
    class: DataClass::Confidential,
    anchor: Anchor::Digits(9),
    patterns: &[Pattern::number(
        r"(?:0[0-9]|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)[0-9]{2}-?[0-9]{4}-?[0-9]",
        20,
    )],
    check: |text| {
        let digits = digits(text);
        !is_uniform(&digits) && weighted(&digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
    },
    context: &["aba", "routing", "routing number", "bank", "wire", "rtn"],
    found: &["routing number ⟦121000358⟧", "ABA ⟦3222-7162-7⟧"],
    passed_over: &["routing number 121000357", "item 121000358"],
};
