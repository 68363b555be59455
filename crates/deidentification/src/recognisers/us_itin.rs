//! Individual taxpayer identification numbers of the American tax office.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_itin",
    kind: Kind::new("US_ITIN"),
    pack: Pack::Us,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(9),
    patterns: &[
        Pattern::number(
            r"9[0-9]{2}[- ](?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-2]|9[4-9])[- ][0-9]{4}",
            60,
        ),
        Pattern::number(r"9[0-9]{2}(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-2]|9[4-9])[0-9]{4}", 8),
    ],
    context: &["itin", "taxpayer", "individual taxpayer", "tax id"],
    found: &["⟦911-70-1234⟧", "ITIN ⟦911701234⟧"],
    passed_over: &["911-69-1234", "911701234 rows"],
    ..Recogniser::BASE
};
