//! Private keys in PEM armour.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "secret_private_key",
    kind: Kind::SECRET,
    class: DataClass::Restricted,
    anchor: Anchor::Literals(&["PRIVATE KEY", "PuTTY-User-Key-File"]),
    patterns: &[
        // A key that was cut off is still a key, so the end may be missing.
        Pattern::free(
            r"-----BEGIN [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=:,.()\\ \t\r\n]{16}(?:[A-Za-z0-9+/=:,.()\\ \t\r\n]|-[A-Za-z0-9])*(?:-----END [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----)?",
            100,
        ),
        Pattern::free(r"PuTTY-User-Key-File-[0-9]: [!-~ \r\n]{16,8192}", 95),
    ],
    found: &[
        "key:\n⟦-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0m59l2u9iDnMbrXHfqkO\n-----END RSA PRIVATE KEY-----⟧\n",
    ],
    passed_over: &[
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ\n-----END PUBLIC KEY-----",
        "the PRIVATE KEY is lost",
    ],
    ..Recogniser::BASE
};
