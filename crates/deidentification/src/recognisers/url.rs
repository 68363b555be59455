//! Addresses of the web, also without their scheme.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "url",
    kind: Kind::URL,
    class: DataClass::Internal,
    anchor: Anchor::Literals(&[
        "://", "www.", "hxxp", ".com", ".org", ".net", ".io", ".de", ".co.uk", ".gov", ".edu",
    ]),
    patterns: &[
        Pattern::free(
            r#"(?i)(?-u:\b)(?:https?|ftps?|sftp|wss?|hxxps?|ssh|smb|ldaps?)://[^ \t\r\n<>"'`{}|\\^\[\]()]+[^ \t\r\n<>"'`{}|\\^\[\]().,;:!?]"#,
            90,
        ),
        Pattern::free(
            r#"(?i)(?-u:\b)www\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,6}(?:/[^ \t\r\n<>"'`]*[^ \t\r\n<>"'`.,;:!?)])?"#,
            85,
        ),
        Pattern::word(
            r"(?i)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,4}(?:com|org|net|io|de|co\.uk|gov|edu)",
            50,
        ),
    ],
    context: &["url", "link", "website", "web", "site", "homepage", "webseite", "sitio", "sito"],
    found: &[
        "see ⟦https://www.example.com/a?b=c#d⟧.",
        "⟦www.example.org⟧",
        "⟦example.co.uk⟧",
        "⟦http://AnonymousEar.fr/⟧",
    ],
    passed_over: &["e.g. this", "file.txt", "http://"],
    ..Recogniser::BASE
};
