//! Names and passwords inside an address, as in connection strings.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "secret_url_credentials",
    kind: Kind::SECRET,
    class: DataClass::Restricted,
    anchor: Anchor::Literals(&["://"]),
    patterns: &[Pattern::free(
        r#"(?i)(?-u:\b)[a-z][a-z0-9+.-]{1,20}://[!-~&&[^:/@"'<>]]{0,64}:[!-~&&[^/@"'<>]]{3,256}@[!-~&&[^"'<>]]{1,512}"#,
        95,
    )],
    found: &[
        "db = ⟦postgres://admin:s3cr3t@db.internal:5432/prod⟧",
        "⟦redis://:hunter22@cache:6379⟧",
    ],
    passed_over: &["https://example.com:8080/@user", "git@github.com:a/b"],
    ..Recogniser::BASE
};
