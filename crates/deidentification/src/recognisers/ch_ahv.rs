//! Swiss social insurance numbers: EAN-13 behind 756.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "ch_ahv",
    kind: Kind::new("CH_AHV"),
    pack: Pack::Ch,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(13),
    patterns: &[Pattern::number(r"756[.]?[0-9]{4}[.]?[0-9]{4}[.]?[0-9]{2}", 90)],
    check: |text| {
        weighted(&digits(text), &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
    },
    context: &["ahv", "avs", "sozialversicherung"],
    found: &["AHV ⟦756.9217.0769.85⟧", "⟦7569217076985⟧"],
    passed_over: &["756.9217.0769.86"],
};
