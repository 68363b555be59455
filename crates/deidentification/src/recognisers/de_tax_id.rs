//! German tax numbers for life: ISO 7064 MOD 11,10.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, mod_11_10};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "de_tax_id",
    kind: Kind::new("DE_TAX_ID"),
    pack: Pack::De,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(11),
    patterns: &[Pattern::number(r"[1-9][0-9](?:[0-9]{9}| [0-9]{3} [0-9]{3} [0-9]{3})", 25)],
    check: |text| {
        let digits = digits(text);
        // One digit occurs two or three times among the first ten, never all ten once.
        let repeated =
            (0..10).any(|it| digits[..10].iter().filter(|digit| **digit == it).count() > 1);
        repeated && mod_11_10(&digits)
    },
    context: &[
        "steuer-id",
        "steueridentifikationsnummer",
        "steuernummer",
        "steuerliche identifikationsnummer",
        "idnr",
        "tin",
        "tax id",
        "identifikationsnummer",
    ],
    found: &["Steuer-ID ⟦86095742719⟧", "IdNr ⟦86 095 742 719⟧"],
    passed_over: &["Steuer-ID 86095742710", "86095742719 Stück"],
};
