//! Dates and times, in digits and in words of a few languages.
//!
//! HIPAA keeps years; a bare year is therefore found only near a word that makes it a date.

use super::{Anchor, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "date",
    kind: Kind::DATE,
    anchor: Anchor::Digits(1),
    patterns: &[
        // ISO 8601 with or without a time.
        Pattern::word(
            r"(?:1[89]|20)[0-9]{2}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12][0-9]|3[01])(?:[T ][0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-2][0-9]:?[0-5][0-9])?)?",
            80,
        ),
        Pattern::word(
            r"(?:1[89]|20)[0-9]{2}[/.](?:0?[1-9]|1[0-2])[/.](?:0?[1-9]|[12][0-9]|3[01])",
            75,
        ),
        // Month or day first.
        Pattern::word(
            r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])/(?:(?:1[89]|20)[0-9]{2}|[0-9]{2})",
            70,
        ),
        Pattern::word(
            r"(?:0?[1-9]|[12][0-9]|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:(?:1[89]|20)[0-9]{2})",
            70,
        ),
        Pattern::word(r"(?:0?[1-9]|[12][0-9]|3[01])\.(?:0?[1-9]|1[0-2])\.[0-9]{2}", 25),
        // With the name of the month.
        Pattern::free(
            r"(?i)(?-u:\b)(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december)\.?[ \t\r\n]{1,2}(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?(?:,?[ \t\r\n]{1,2}(?:1[89]|20)[0-9]{2})?(?-u:\b)",
            70,
        ),
        Pattern::free(
            r"(?i)(?-u:\b)(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th|\.|er|º)?[ \t\r\n-]{1,2}(?:de |of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december|januar|jänner|februar|märz|mai|juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro|januari|februari|maart|mei|augustus)\.?(?:[ \t\r\n-]{1,2}(?:de |of )?(?:1[89]|20)[0-9]{2})?(?-u:\b)",
            70,
        ),
        Pattern::free(
            r"(?i)(?-u:\b)(?:january|february|march|april|may|june|july|august|september|october|november|december),?[ \t\r\n]{1,2}(?:1[89]|20)[0-9]{2}(?-u:\b)",
            60,
        ),
        Pattern::number(r"1[89][0-9]{2}|20[0-9]{2}", 6),
    ],
    context: &[
        "date",
        "born",
        "dob",
        "birthday",
        "date of birth",
        "birth",
        "admitted",
        "discharged",
        "since",
        "until",
        "founded",
        "released",
        "geboren",
        "geburtsdatum",
        "datum",
        "née le",
        "né le",
        "date de naissance",
        "fecha",
        "nacimiento",
        "nato il",
        "data",
    ],
    found: &[
        "born ⟦1970-09-24⟧",
        "on ⟦2000-04-16 11:34:35⟧",
        "⟦2/8/1935⟧",
        "am ⟦24.12.2024⟧",
        "⟦March 3rd, 2021⟧",
        "⟦12 de marzo de 1999⟧",
        "⟦3 janvier 2020⟧",
        "since ⟦1977⟧",
        "⟦5. März 2021⟧",
    ],
    passed_over: &["99/99/2020", "1977 apples", "version 1.2.3", "2020-13-45"],
    ..Recogniser::BASE
};
