//! Telephone and fax numbers: international, North American, and national ones near a word.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};
use crate::detection::checksum::{digits, is_uniform};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "phone",
    kind: Kind::new("PHONE"),
    class: DataClass::Confidential,
    anchor: Anchor::Digits(6),
    patterns: &[
        Pattern::free(
            r"(?:\+|(?-u:\b)00)[1-9][0-9]{0,3}(?:[ ./-]{0,2}\(?[0-9]{1,5}\)?){2,7}(?:[ \t\r\n]?(?:x|ext\.?|#)[ \t\r\n]?[0-9]{1,6})?(?-u:\b)",
            75,
        ),
        Pattern::free(
            r"(?:(?-u:\b)001[ .-]|(?-u:\b)1[ .-])?(?:\([2-9][0-9]{2}\)[ \t\r\n]?|(?-u:\b)[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}(?:[ \t\r\n]?(?:x|ext\.?|#)[ \t\r\n]?[0-9]{1,6})?(?-u:\b)",
            60,
        ),
        Pattern::free(
            r"\(0?[0-9]{1,5}\)[ .-]?[0-9]{2,8}(?:[ ./-][0-9]{2,8}){0,4}(?:[ \t\r\n]?(?:x|ext\.?|#)[ \t\r\n]?[0-9]{1,6})?(?-u:\b)",
            50,
        ),
        Pattern::word(r"0[1-9][0-9]{0,4}(?:[ ./-][0-9]{2,8}){1,5}", 50),
        Pattern::word(r"[0-9]{2,5}(?:[ ./-][0-9]{2,8}){1,5}(?:x[0-9]{1,6})?", 15),
        Pattern::number(r"[0-9]{7,15}", 10),
    ],
    check: |text| {
        let number = text.split(['x', 'e', '#']).next().unwrap_or(text);
        let digits = digits(number);
        (6..=15).contains(&digits.len()) && !is_uniform(&digits) && !is_date(number)
    },
    context: &[
        "phone",
        "telephone",
        "tel",
        "mobile",
        "cell",
        "cellphone",
        "fax",
        "call",
        "call me",
        "call us",
        "dial",
        "reach me",
        "whatsapp",
        "sms",
        "messages to",
        "message on",
        "registered",
        "answering at",
        "desk",
        "office",
        "contact",
        "hotline",
        "telefon",
        "handy",
        "rufnummer",
        "téléphone",
        "portable",
        "teléfono",
        "móvil",
        "telefono",
        "cellulare",
        "telefone",
        "celular",
        "telefoon",
        "телефон",
        "電話",
        "手机",
        "전화",
    ],
    found: &[
        "call ⟦+41 (0)38 549 02 90⟧",
        "⟦(602)272-9781⟧",
        "⟦898-666-3621x0135⟧",
        "⟦001-253-366-9781⟧",
        "Tel. ⟦030 1234567⟧",
        "fax ⟦467 3395⟧",
        "⟦+447700921916⟧",
        "电话手机 ⟦13812345678⟧",
        "phone:\n⟦60-56-85-91⟧",
    ],
    passed_over: &[
        "1234567 items",
        "2020-01-02",
        "pages 12-14",
        "call on 1999-12-31",
        "0000000000",
    ],
    ..Recogniser::BASE
};

/// `2020-01-02` has the form of a number in groups.
fn is_date(text: &str) -> bool {
    let groups: Vec<&str> = text.split(['-', '/', '.', ' ']).collect();
    let lengths: Vec<usize> = groups.iter().map(|it| it.len()).collect();
    let year = |it: &str| matches!(it.get(..2), Some("19" | "20"));
    match lengths[..] {
        [4, 1..=2] | [4, 1..=2, 1..=2, ..] => year(groups[0]),
        [1..=2, 1..=2, 4] => year(groups[2]),
        _ => false,
    }
}
