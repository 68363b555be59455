//! German identity cards and passports: weights 7, 3, 1.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "de_identity_card",
    kind: Kind::new("DE_IDENTITY_CARD"),
    pack: Pack::De,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(2),
    patterns: &[Pattern::word(r"[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}[0-9]", 20)],
    check: |text| {
        let value = |it: char| it.to_digit(36).unwrap_or(0);
        let sum: u32 = text
            .chars()
            .take(9)
            .zip([7, 3, 1].into_iter().cycle())
            .map(|(it, weight)| value(it) * weight)
            .sum();
        text.chars().nth(9).map(value) == Some(sum % 10)
    },
    context: &[
        "personalausweis",
        "ausweisnummer",
        "reisepass",
        "passnummer",
        "ausweis",
        "identity card",
        "passport",
    ],
    found: &["Personalausweis ⟦L01X00T471⟧"],
    passed_over: &["Ausweis L01X00T472", "L01X00T472 Teile"],
};
