//! Korean resident registration numbers; those given out since 2020 carry no check.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "kr_rrn",
    kind: Kind::new("KR_RRN"),
    pack: Pack::Kr,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(13),
    patterns: &[
        Pattern::number(r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[1-8][0-9]{6}", 70),
        Pattern::number(r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[1-8][0-9]{6}", 15),
    ],

    context: &["주민등록번호", "주민번호", "resident registration", "rrn"],
    found: &["주민등록번호 ⟦900101-1234567⟧"],
    passed_over: &["991301-1234567"],
    ..Recogniser::BASE
};
