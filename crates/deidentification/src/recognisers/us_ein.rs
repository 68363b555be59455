//! Employer identification numbers of the American tax office.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_ein",
    kind: Kind::new("US_EIN"),
    pack: Pack::Us,
    class: DataClass::Internal,
    anchor: Anchor::Digits(9),
    patterns: &[Pattern::number(
        r"(?:0[1-6]|1[0-6]|2[0-7]|3[0-9]|4[0-8]|5[0-9]|6[0-8]|7[1-7]|8[0-8]|9[0-589])-[0-9]{7}",
        30,
    )],
    context: &["ein", "employer identification", "tax id", "federal tax", "fein"],
    found: &["EIN ⟦12-3456789⟧"],
    passed_over: &["part 12-3456789", "EIN 07-3456789"],
    ..Recogniser::BASE
};
