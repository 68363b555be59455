//! JSON Web Tokens (RFC 7519): three parts in base64, the first a JSON object.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "secret_jwt",
    kind: Kind::SECRET,
    class: DataClass::Restricted,
    anchor: Anchor::Literals(&["eyJ"]),
    patterns: &[Pattern::free(
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{0,2048}",
        95,
    )],
    found: &[
        "⟦eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U⟧",
    ],
    passed_over: &["eyJ.a.b", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"],
    ..Recogniser::BASE
};
