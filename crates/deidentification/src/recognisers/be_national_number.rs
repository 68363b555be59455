//! Belgian national register numbers: 97 minus the remainder of the rest.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::digits;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "be_national_number",
    kind: Kind::new("BE_NATIONAL_NUMBER"),
    pack: Pack::Be,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(11),
    patterns: &[Pattern::number(
        r"[0-9]{2}[. ]?[01][0-9][. ]?[0-3][0-9][- ]?[0-9]{3}[. ]?[0-9]{2}",
        60,
    )],
    check: |text| {
        let digits = digits(text);
        let number = |of: &[u32]| of.iter().fold(0u64, |sum, it| sum * 10 + u64::from(*it));
        let (body, key) = (number(&digits[..9]), number(&digits[9..]));
        // From the year 2000 on a 2 stands before the rest.
        key == 97 - body % 97 || key == 97 - (2_000_000_000 + body) % 97
    },
    context: &[
        "rijksregisternummer",
        "numéro national",
        "registre national",
        "nationalregister",
        "insz",
    ],
    found: &["rijksregisternummer ⟦85073003328⟧", "⟦85.07.30-033.28⟧"],
    passed_over: &["85073003329"],
};
