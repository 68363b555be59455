//! Credentials in HTTP headers: `Authorization: Bearer …`, `Basic …`, and keys in headers of their own.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "secret_authorization",
    kind: Kind::SECRET,
    class: DataClass::Restricted,
    anchor: Anchor::Literals(&[
        "bearer",
        "basic",
        "x-api-key",
        "api-key",
        "authorization",
        "set-cookie",
        "cookie:",
    ]),
    patterns: &[
        Pattern::free(r"(?i)(?-u:\b)bearer[ \t\r\n]{1,3}([A-Za-z0-9._~+/-]{16,4096}=*)", 90),
        Pattern::free(r"(?i)(?-u:\b)basic[ \t\r\n]{1,3}([A-Za-z0-9+/]{8,512}={0,2})", 60),
        Pattern::free(
            r#"(?i)(?-u:\b)(?:x-api-key|api-key|authorization|x-auth-token)["']?[ \t\r\n]{0,2}:[ \t\r\n]{0,2}["']?([A-Za-z0-9._~+/=-]{16,1024})"#,
            85,
        ),
        Pattern::free(
            r"(?i)(?-u:\b)cookie:[ \t\r\n]{0,2}[A-Za-z0-9_.-]{1,64}=([!-~&&[^;]]{16,1024})",
            80,
        ),
    ],
    // English words follow "basic" and "bearer" too.
    check: |value| {
        value.chars().any(|it| it.is_ascii_digit() || it == '=' || it == '_')
            || value.chars().filter(|it| it.is_ascii_uppercase()).count() > 2
    },
    found: &[
        "Authorization: Bearer ⟦mF_9.B5f-4.1JqMabcdef⟧",
        "authorization: basic ⟦QWxhZGRpbjpvcGVuIHNlc2FtZQ==⟧",
        "x-api-key: ⟦0123456789abcdef0123⟧",
    ],
    passed_over: &["basic understanding", "the bearer representatives", "basic information"],
    ..Recogniser::BASE
};
