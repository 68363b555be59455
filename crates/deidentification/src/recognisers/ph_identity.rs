//! Philippine social security, tax and unified numbers.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "ph_identity",
    kind: Kind::new("PH_IDENTITY"),
    pack: Pack::Ph,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(9),
    patterns: &[Pattern::number(
        r"[0-9]{2}-[0-9]{7}-[0-9]|[0-9]{3}-[0-9]{3}-[0-9]{3}(?:-[0-9]{3,5})?|[0-9]{4}-[0-9]{7}-[0-9]",
        15,
    )],

    context: &["sss", "tin", "umid", "crn", "philhealth"],
    found: &["SSS ⟦34-1234567-8⟧", "TIN ⟦123-456-789-000⟧"],
    passed_over: &["part 34-1234567-8"],
    ..Recogniser::BASE
};
