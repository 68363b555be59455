//! German social insurance numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::compact;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "de_social_insurance",
    kind: Kind::new("DE_SOCIAL_INSURANCE"),
    pack: Pack::De,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(8),
    patterns: &[Pattern::word(r"[0-9]{2} ?[0-3][0-9][01][0-9]{3} ?[A-Z] ?[0-9]{2} ?[0-9]", 70)],
    check: valid,
    context: &[
        "sozialversicherungsnummer",
        "rentenversicherungsnummer",
        "versicherungsnummer",
        "sv-nummer",
        "rvnr",
    ],
    found: &["Rentenversicherungsnummer ⟦15070649C103⟧"],
    passed_over: &["15070649C104"],
};

fn valid(text: &str) -> bool {
    const WEIGHTS: [u32; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let text = compact(text);
    let letter = text.as_bytes()[8] - b'A' + 1;
    let body = format!("{}{letter:02}{}", &text[..8], &text[9..11]);
    let product = |(digit, weight): (char, u32)| digit.to_digit(10).unwrap_or(0) * weight;
    let sum: u32 = body.chars().zip(WEIGHTS).map(product).map(|it| it / 10 + it % 10).sum();
    text.chars().nth(11).and_then(|it| it.to_digit(10)) == Some(sum % 10)
}
