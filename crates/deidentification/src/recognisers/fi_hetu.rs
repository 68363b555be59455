//! Finnish personal identity codes: modulo 31.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "fi_hetu",
    kind: Kind::new("FI_HETU"),
    pack: Pack::Fi,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(9),
    patterns: &[Pattern::word(
        r"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{2}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]",
        85,
    )],
    check: |text| {
        let number = format!("{}{}", &text[..6], &text[7..10]).parse().unwrap_or(0usize);
        "0123456789ABCDEFHJKLMNPRSTUVWXY".as_bytes()[number % 31] == text.as_bytes()[10]
    },
    context: &["hetu", "henkilötunnus", "personbeteckning"],
    found: &["hetu ⟦131052-308T⟧"],
    passed_over: &["131052-308U"],
};
