//! Ages: HIPAA lets an age stand up to 89; those above are told apart by the age cap.

use super::{Anchor, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "age",
    kind: Kind::AGE,
    anchor: Anchor::Digits(1),
    patterns: &[
        Pattern::word(
            r"(?i)(?:aged?|age (?:of|at|was|is)|age:|turn(?:ed|s|ing)?|alter(?: von)?:?|âgée? de|edad(?: de)?:?|età(?: di)?:?)[ \t\r\n]{1,3}(1?[0-9]{1,2})",
            60,
        ),
        Pattern::word(
            r"(?i)(1?[0-9]{1,2})(?:[ \t\r\n]|-){0,2}(?:year|yr|yo|y/?o|y\.o|jahre|jährig|ans|años|anni|jaar|år|lat|anos)s?(?:(?:[ \t\r\n]|-)?old)?",
            60,
        ),
        Pattern::word(
            r"(?i)(?:when (?:he|she|they|i) (?:was|were)|i'?m|i am|(?:he|she) is) (1?[0-9]{1,2})",
            30,
        ),
        Pattern::word(r"[1-9][0-9]|1[01][0-9]|[1-9]", 10),
    ],
    check: |age| age.parse().is_ok_and(|it: u32| (1..=120).contains(&it)),
    context: &[
        "age",
        "aged",
        "years old",
        "alter",
        "edad",
        "âge",
        "età",
        "when he was",
        "when she was",
        "y/o",
    ],
    found: &[
        "a ⟦92⟧-year-old woman",
        "aged ⟦101⟧",
        "patient age: ⟦47⟧",
        "I just turned ⟦47⟧",
        "ein ⟦90⟧ Jahre alter Mann",
    ],
    passed_over: &["92 boxes", "the room holds 120", "page 47"],
    ..Recogniser::BASE
};
