//! Domestic account numbers, which have no check of their own: only words give them away.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "bank_account",
    kind: Kind::new("BANK_ACCOUNT"),
    class: DataClass::Restricted,
    anchor: Anchor::Digits(6),
    patterns: &[
        Pattern::number(r"[0-9]{6,17}", 8),
        Pattern::number(r"[0-9]{2,5}(?:[ -][0-9]{2,5}){2,5}", 6),
    ],
    context: &[
        "account number",
        "account no",
        "account #",
        "acct",
        "bank account",
        "account",
        "checking",
        "savings",
        "kontonummer",
        "konto",
        "numéro de compte",
        "compte bancaire",
        "cuenta",
        "conto corrente",
        "rekening",
        "konto nr",
    ],
    found: &["account number ⟦000123456789⟧", "Kontonummer: ⟦12345678⟧", "acct ⟦1234-5678-90⟧"],
    passed_over: &["order 000123456789", "build 12345678"],
    ..Recogniser::BASE
};
