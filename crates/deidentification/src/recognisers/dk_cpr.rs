//! Danish personal numbers; those given out since 2007 carry no check.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "dk_cpr",
    kind: Kind::new("DK_CPR"),
    pack: Pack::Dk,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(10),
    patterns: &[Pattern::number(
        r"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{2}[- ]?[0-9]{4}",
        15,
    )],

    context: &["cpr", "cpr-nummer", "personnummer"],
    found: &["CPR ⟦131052-3080⟧"],
    passed_over: &["del 131052-3080", "CPR 321352-3080"],
    ..Recogniser::BASE
};
