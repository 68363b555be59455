//! French social security numbers: 97 minus the remainder.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::compact;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "fr_nir",
    kind: Kind::new("FR_NIR"),
    pack: Pack::Fr,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(13),
    patterns: &[Pattern::word(
        r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        85,
    )],
    check: |text| {
        let text = compact(text);
        // Corsica counts as 19 and 18.
        let body = text[..13].replace("2A", "19").replace("2B", "18");
        match (body.parse::<u64>(), text[13..].parse::<u64>()) {
            (Ok(body), Ok(key)) => key == 97 - body % 97,
            _ => false,
        }
    },
    context: &["nir", "sécurité sociale", "numéro de sécurité sociale", "insee"],
    found: &["NIR ⟦255081416802538⟧", "⟦2 55 08 14 168 025 38⟧"],
    passed_over: &["255081416802539"],
};
