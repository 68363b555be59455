//! Norwegian birth numbers: two check digits.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "no_fnr",
    kind: Kind::new("NO_FNR"),
    pack: Pack::No,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(11),
    patterns: &[Pattern::number(r"[0-7][0-9][0-9]{4} ?[0-9]{5}", 45)],
    check: |text| {
        let digits = digits(text);
        weighted(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
            && weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
    },
    context: &["fødselsnummer", "personnummer", "fnr"],
    found: &["fødselsnummer ⟦01019012480⟧"],
    passed_over: &["fødselsnummer 01019012481"],
};
