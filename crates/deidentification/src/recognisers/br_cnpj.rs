//! Brazilian company numbers: two check digits modulo 11.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform, weighted};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "br_cnpj",
    kind: Kind::new("BR_CNPJ"),
    pack: Pack::Br,
    class: DataClass::Internal,
    anchor: Anchor::Digits(14),
    patterns: &[Pattern::number(r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/?[0-9]{4}-?[0-9]{2}", 70)],
    check: |text| {
        const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
        let digits = digits(text);
        let check = |rest: u32| if rest < 2 { 0 } else { 11 - rest };
        !is_uniform(&digits)
            && check(weighted(&digits[..12], &WEIGHTS[1..]) % 11) == digits[12]
            && check(weighted(&digits[..13], &WEIGHTS) % 11) == digits[13]
    },
    context: &["cnpj"],
    found: &["CNPJ ⟦11222333000181⟧", "⟦11.222.333/0001-81⟧"],
    passed_over: &["11222333000182"],
};
