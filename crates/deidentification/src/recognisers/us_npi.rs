//! National provider identifiers: Luhn behind the prefix 80840.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::luhn;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_npi",
    kind: Kind::new("US_NPI"),
    pack: Pack::Us,
    class: DataClass::Internal,
    anchor: Anchor::Digits(10),
    patterns: &[Pattern::number(r"[12][0-9]{9}", 20)],
    check: |text| luhn(&format!("80840{text}")) && text != "1111111112",
    context: &["npi", "provider", "physician", "national provider"],
    found: &["NPI ⟦1234567893⟧", "provider ⟦1245319599⟧", "NPI: ⟦1003000126⟧"],
    passed_over: &["NPI 1234567890", "NPI 1111111112", "NPI 0234567893", "1234567893 rows"],
};
