//! Dutch citizen service numbers: the eleven test.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "nl_bsn",
    kind: Kind::new("NL_BSN"),
    pack: Pack::Nl,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(8),
    patterns: &[
        Pattern::number(r"[0-9]{9}", 15),
        Pattern::number(r"[0-9]{4}[. ][0-9]{2}[. ][0-9]{3}", 25),
    ],
    check: |text| {
        let digits = digits(text);
        let sum = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]);
        !is_uniform(&digits) && sum % 11 == digits[8]
    },
    context: &["bsn", "burgerservicenummer", "sofinummer"],
    found: &["BSN ⟦111222333⟧"],
    passed_over: &["BSN 111222334", "111222333 rows"],
};
