//! Names of weekdays near a word of time, since "Monday" alone with a place may single out a visit.

use super::{Anchor, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "weekday",
    kind: Kind::DATE,
    anchor: Anchor::Literals(&[
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ]),
    patterns: &[Pattern::word(r"(?i)(?:mon|tues|wednes|thurs|fri|satur|sun)day", 20)],
    context: &["on", "meet", "morning", "evening", "next", "last", "until", "date"],
    found: &["we'll meet ⟦Monday⟧", "on ⟦Tuesday⟧ morning"],
    passed_over: &["Black Sunday is a film"],
    ..Recogniser::BASE
};
