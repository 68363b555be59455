//! Postal codes near a word that says so; the forms that speak for themselves stand in packs.

use super::{Anchor, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "postal_code",
    kind: Kind::POSTAL_CODE,
    anchor: Anchor::Digits(3),
    patterns: &[
        Pattern::word(
            r"(?i)(?:zip|zip code|postal code|postcode|post code|plz|postleitzahl|code postal|código postal|cap|cep)(?: is|:)?[ \t\r\n]{1,3}([0-9]{3,6}(?:[- ](?:[0-9]{2,4}|[A-Z]{2}))?)",
            80,
        ),
        // Canada, the Netherlands.
        Pattern::word(r"[ABCEGHJ-NPRSTVXY][0-9][A-Z] [0-9][A-Z][0-9]", 70),
        Pattern::word(r"[1-9][0-9]{3} [A-Z]{2}", 30),
        // Brazil, Poland, Portugal, Sweden and Czechia.
        Pattern::number(
            r"[0-9]{5}-[0-9]{3}|[0-9]{2}-[0-9]{3}|[0-9]{4}-[0-9]{3}|[0-9]{3} [0-9]{2}",
            15,
        ),
    ],
    context: &[
        "zip",
        "zip code",
        "zipcode",
        "postal",
        "postal code",
        "postcode",
        "plz",
        "postleitzahl",
        "code postal",
        "código postal",
        "cep",
        "address",
        "adresse",
        "dirección",
        "indirizzo",
        "endereço",
        "adres",
    ],
    found: &[
        "ZIP: ⟦3520⟧",
        "my zip code is ⟦35350⟧",
        "address NS ⟦B0J 2H0⟧",
        "zip ⟦394 13⟧",
        "PLZ: ⟦10115⟧",
    ],
    passed_over: &["3520 people", "chapter 394 13"],
    ..Recogniser::BASE
};
