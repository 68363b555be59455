//! Vehicle identification numbers (ISO 3779) with the North American check digit.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "vehicle_vin",
    kind: Kind::VEHICLE_ID,
    class: DataClass::Confidential,
    anchor: Anchor::Digits(1),
    patterns: &[Pattern::word(r"(?i)[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{8}", 75)],
    check: valid,
    context: &[
        "vin",
        "vehicle",
        "chassis",
        "fahrgestellnummer",
        "fin",
        "châssis",
        "bastidor",
        "telaio",
    ],
    found: &["VIN ⟦1M8GDM9AXKP042788⟧", "⟦1HGCM82633A004352⟧"],
    passed_over: &["1M8GDM9A1KP042788", "11111111111111111"],
    ..Recogniser::BASE
};

fn valid(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |c: char| match c {
        '0'..='9' => u32::from(c) - 48,
        'A'..='H' => u32::from(c) - 64,
        'J'..='R' => u32::from(c) - 73,
        _ => u32::from(c) - 81,
    };
    let upper = text.to_ascii_uppercase();
    let sum: u32 = upper.chars().zip(WEIGHTS).map(|(c, weight)| value(c) * weight).sum();
    let expected = char::from_digit(sum % 11, 10).unwrap_or('X');
    let letters = upper.chars().filter(char::is_ascii_alphabetic).count();
    letters > 0 && letters < 17 && upper.chars().nth(8) == Some(expected)
}
