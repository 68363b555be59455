//! Italian fiscal codes: a letter from odd and even places.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::compact;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "it_fiscal_code",
    kind: Kind::new("IT_FISCAL_CODE"),
    pack: Pack::It,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(3),
    patterns: &[Pattern::word(
        r"(?i)[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]",
        90,
    )],
    check: valid,
    context: &["codice fiscale", "cf"],
    found: &["codice fiscale ⟦RSSMRA85T10A562S⟧"],
    passed_over: &["RSSMRA85T10A562A"],
};

fn valid(text: &str) -> bool {
    /// What letters and digits count at odd places; digits count as the first ten letters.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let text = compact(text);
    let value = |it: u8| u32::from(if it.is_ascii_digit() { it - b'0' } else { it - b'A' });
    let (body, last) = text.as_bytes().split_at(15);
    let sum: u32 = (body.iter().enumerate())
        .map(|(place, it)| if place % 2 == 0 { ODD[value(*it) as usize] } else { value(*it) })
        .sum();
    value(last[0]) == sum % 26
}
