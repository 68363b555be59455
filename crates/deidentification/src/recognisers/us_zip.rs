//! American ZIP codes behind a state, and in their long form.

use super::{Anchor, Kind, Pack, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "us_zip",
    kind: Kind::POSTAL_CODE,
    pack: Pack::Us,
    anchor: Anchor::Digits(5),
    patterns: &[
        Pattern::free(
            r"(?-u:\b)(?:A[AEKLPRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]),?[ \t\r\n]{1,2}([0-9]{5}(?:-[0-9]{4})?)(?-u:\b)",
            65,
        ),
        Pattern::number(r"[0-9]{5}-[0-9]{4}", 40),
        Pattern::number(r"[0-9]{5}", 6),
    ],
    context: &["zip", "zip code", "zipcode", "postal code", "postal", "address"],
    found: &["Springfield, IL ⟦62704⟧", "zip ⟦90210-1234⟧", "zip code ⟦03601⟧"],
    passed_over: &["62704 people", "90210-123"],
    ..Recogniser::BASE
};
