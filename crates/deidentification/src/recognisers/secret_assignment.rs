//! A value that looks random, given to something named like a secret.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};
use crate::detection::checksum::entropy_bits;

pub const RECOGNISER: Recogniser = Recogniser {
    name: "secret_assignment",
    kind: Kind::SECRET,
    class: DataClass::Restricted,
    anchor: Anchor::Literals(&[
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "token",
        "api_key",
        "apikey",
        "api-key",
        "access_key",
        "access-key",
        "accesskey",
        "private_key",
        "client_secret",
        "credential",
        "auth_key",
        "passwort",
        "kennwort",
        "contraseña",
        "mot de passe",
        "senha",
    ]),
    patterns: &[
        // A password need not look random when it says that it is one.
        Pattern::free(
            r#"(?i)(?:password|passwd|pwd|passphrase|passwort|kennwort|contraseña|mot de passe|senha)["']?[ \t\r\n]{0,3}(?:=|:=|=>|:|(?-u:\b)is(?-u:\b)|(?-u:\b)ist(?-u:\b)|(?-u:\b)es(?-u:\b))[ \t\r\n]{0,3}["']?([!-~&&[^"',;<>]]{6,128})"#,
            70,
        ),
        Pattern::free(
            r#"(?i)(?:secret|token|api[ _-]?key|access[ _-]?key|private[ _-]?key|credentials?|auth[ _-]?key)[a-z0-9_]{0,20}["']?[ \t\r\n]{0,3}(?:=|:=|=>|:)[ \t\r\n]{0,3}["']?([A-Za-z0-9+/_.=~!@#$%^&*-]{12,512})"#,
            75,
        ),
    ],
    check: |value| {
        let placeholder = value.starts_with(['$', '{', '%', '*']) || value.contains("...");
        let marks = |it: char| it.is_ascii_digit() || it.is_ascii_punctuation();
        let mixed = value.chars().any(marks) || value.chars().any(char::is_uppercase);
        !placeholder && mixed && entropy_bits(value) >= 2.3
    },
    found: &[
        "password: ⟦hunter2!XY⟧",
        "API_KEY=⟦9f8a7b6c5d4e3f2a1b0c⟧",
        r#""client_secret": "⟦Qm9X-7hT_zz0pLk3⟧""#,
        "Passwort ist ⟦Sommer2024!⟧",
    ],
    passed_over: &[
        "the password is required",
        "token: ${TOKEN_FROM_ENV}",
        "a secret garden",
        "password = ********",
    ],
    ..Recogniser::BASE
};
