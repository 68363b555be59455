//! Brazilian taxpayers: two check digits modulo 11.

use super::{Anchor, DataClass, Kind, Pack, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "br_cpf",
    kind: Kind::new("BR_CPF"),
    pack: Pack::Br,
    class: DataClass::Restricted,
    anchor: Anchor::Digits(11),
    patterns: &[
        Pattern::number(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", 85),
        Pattern::number(r"[0-9]{11}", 30),
    ],
    check: |text| {
        let digits = digits(text);
        let check = |n: usize| {
            let sum: u32 = (0..n).map(|it| digits[it] * (n + 1 - it) as u32).sum();
            sum * 10 % 11 % 10 == digits[n]
        };
        !is_uniform(&digits) && check(9) && check(10)
    },
    context: &["cpf", "contribuinte", "cadastro"],
    found: &["CPF ⟦529.982.247-25⟧", "cpf ⟦52998224725⟧"],
    passed_over: &["529.982.247-26", "111.111.111-11"],
};
