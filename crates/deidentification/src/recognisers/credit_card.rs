//! Payment cards: the number ranges of ISO/IEC 7812 with the Luhn check.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, luhn_of};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "credit_card",
    kind: Kind::new("CREDIT_CARD"),
    class: DataClass::Restricted,
    anchor: Anchor::Digits(12),
    patterns: &[
        // Visa, Mastercard, Discover, JCB, UnionPay, Maestro in the usual groups.
        Pattern::number(r"[2-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}", 80),
        // American Express and Diners.
        Pattern::number(r"3[0-9]{3}[ -]?[0-9]{6}[ -]?[0-9]{4,5}", 80),
        // Anything of the length of a card, such as old JCB and Maestro numbers.
        Pattern::number(r"[0-9]{12,19}", 20),
        Pattern::number(r"[0-9]{4}(?:[ -][0-9]{4}){2}(?:[ -][0-9]{1,4}){1,2}", 40),
    ],
    check: |text| {
        let digits = digits(text);
        (12..=19).contains(&digits.len()) && !is_uniform(&digits) && luhn_of(&digits)
    },
    context: &[
        "card",
        "credit",
        "credit card",
        "debit",
        "visa",
        "mastercard",
        "amex",
        "american express",
        "discover",
        "diners",
        "jcb",
        "maestro",
        "cc",
        "cvv",
        "kreditkarte",
        "karte",
        "carte",
        "carte bancaire",
        "tarjeta",
        "carta di credito",
        "cartão",
        "карта",
        "カード",
    ],
    found: &[
        "pay with ⟦4111 1111 1111 1111⟧ now",
        "⟦5555555555554444⟧",
        "amex ⟦3782-822463-10005⟧",
        "my card ⟦060426070011⟧",
        "card 9998 ⟦4111 1111 1111 1111⟧",
    ],
    passed_over: &[
        "4111 1111 1111 1112",
        "0000000000000000",
        "order 060426070011",
        "4111-1111-1111-1111-22",
    ],
    ..Recogniser::BASE
};
