//! British postcodes.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "uk_postcode",
    kind: Kind::POSTAL_CODE,
    pack: Pack::Uk,
    class: DataClass::Internal,
    anchor: Anchor::Digits(2),
    patterns: &[Pattern::word(
        r"(?:[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKPSTUW]?|GIR) ?[0-9][ABD-HJLNP-UW-Z]{2}",
        50,
    )],

    context: &["postcode", "post code", "address"],
    found: &["London ⟦SW1A 1AA⟧", "postcode ⟦M1 1AE⟧"],
    passed_over: &["SW1A 1A", "A1 size"],
    ..Recogniser::BASE
};
