//! Addresses of electronic mail.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "email",
    kind: Kind::new("EMAIL"),
    class: DataClass::Confidential,
    anchor: Anchor::Literals(&["@", "[at]", "(at)", " at "]),
    patterns: &[
        Pattern::free(
            r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\u{c0}-\u{24f}\u{370}-\u{5ff}-]{0,63}[A-Za-z0-9_+=~\u{c0}-\u{24f}\u{370}-\u{5ff}-]@(?:[A-Za-z0-9\u{c0}-\u{24f}\u{370}-\u{5ff}](?:[A-Za-z0-9\u{c0}-\u{24f}\u{370}-\u{5ff}-]{0,61}[A-Za-z0-9\u{c0}-\u{24f}\u{370}-\u{5ff}])?\.){1,8}(?:xn--[a-z0-9-]{2,40}|[A-Za-z\u{c0}-\u{24f}\u{370}-\u{5ff}]{2,24})",
            95,
        ),
        Pattern::free(r"[A-Za-z0-9._%+-]{1,64}@\[(?:[0-9]{1,3}\.){3}[0-9]{1,3}\]", 95),
        Pattern::word(
            r"(?i)[a-z0-9._%+-]{1,64} ?(?:\[at\]|\(at\)) ?(?:[a-z0-9-]{1,63} ?(?:\.|\[dot\]|\(dot\)) ?){1,4}[a-z]{2,24}",
            85,
        ),
        Pattern::word(r"(?i)[a-z0-9._%+-]{1,64} at [a-z0-9-]{1,63} dot [a-z]{2,24}", 70),
    ],
    context: &["email", "e-mail", "mail", "contact", "correo", "courriel", "почта"],
    found: &[
        "write to ⟦jane.doe+x@mail.example.co.uk⟧.",
        "⟦Jürgen@exämple.de⟧",
        "⟦jane [at] example [dot] com⟧",
        "mailto:⟦a@b.io⟧",
        "⟦jane at example dot com⟧",
    ],
    passed_over: &["@handle", "a@b", "x @ y.com", "look at example", "price @ 3.50"],
    ..Recogniser::BASE
};
