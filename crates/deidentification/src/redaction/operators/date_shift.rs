//! Moves the dates of one subject by the same secret number of days, so that intervals stay.
//!
//! The form of the date stays: separators, zeros, names of months, what stands behind it. Bare
//! years, weekdays and dates without a year cannot be moved and become placeholders.

use std::ops::Range;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::Operator;

/// Dates move by 1 to this many days, forth or back.
const DAYS_MAX: u64 = 365;

pub const OPERATOR: Operator = Operator {
    name: "date-shift",
    about: "dates of one subject move by the same secret number of days (up to a year)",
    keyed: true,
    apply: |work| {
        let digest = work.key().authenticate("date-shift", &[work.subject.as_bytes()]);
        let bytes = digest.first_chunk::<8>().expect("a digest has 32 bytes");
        let draw = u64::from_be_bytes(*bytes) % (2 * DAYS_MAX);
        let days = i64::try_from(draw % DAYS_MAX + 1).expect("a year has few days");
        Ok(shifted(work.text, work.dates, if draw < DAYS_MAX { days } else { -days }))
    },
};

/// How a date such as `3/4/2020` is read; `3.4.2020` always has the day first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    #[default]
    MonthFirst,
    DayFirst,
}

/// Names of months by language; a new month is named in the language and length of the old one.
const MONTHS: &[[&str; 12]] = &[
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    [
        "januar",
        "februar",
        "märz",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "dezember",
    ],
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    [
        "gennaio",
        "febbraio",
        "marzo",
        "aprile",
        "maggio",
        "giugno",
        "luglio",
        "agosto",
        "settembre",
        "ottobre",
        "novembre",
        "dicembre",
    ],
    [
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ],
    [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
];

/// Where the parts of a date stand in its text.
#[derive(Debug)]
struct Parts {
    date: Date,
    year: Range<usize>,
    month: Range<usize>,
    day: Range<usize>,
    /// The list of names that the month comes from; `None` for a number.
    names: Option<&'static [&'static str; 12]>,
}

/// A run of digits or of letters.
#[derive(Debug, Clone)]
struct Token {
    range: Range<usize>,
    /// `None` for letters, and for more digits than a date has.
    number: Option<i16>,
}

/// The date moved by some days, in the same form.
pub(super) fn shifted(text: &str, order: DateOrder, days: i64) -> Option<String> {
    let parts = read(text, order)?;
    let moved = parts.date.checked_add(days.days()).ok()?;
    let digits = |range: &Range<usize>, value: i16| {
        let old = &text[range.clone()];
        match old.len() {
            2 => format!("{:02}", value % 100),
            _ => value.to_string(),
        }
    };
    let month = match parts.names {
        None => digits(&parts.month, moved.month().into()),
        Some(names) => {
            let name = names[usize::from(moved.month().unsigned_abs()) - 1];
            in_case_of(&text[parts.month.clone()], name)
        }
    };
    let day = digits(&parts.day, moved.day().into());
    let mut pieces = vec![
        (parts.year.clone(), digits(&parts.year, moved.year())),
        (parts.month.clone(), month),
        (parts.day.clone(), day),
    ];
    if let Some(suffix) = ordinal_at(text, parts.day.end) {
        pieces.push((suffix, ordinal(moved.day()).to_owned()));
    }
    pieces.sort_by_key(|(range, _)| range.start);
    let (mut result, mut at) = (String::with_capacity(text.len() + 8), 0);
    for (range, piece) in pieces {
        result.push_str(&text[at..range.start]);
        result.push_str(&piece);
        at = range.end;
    }
    result.push_str(&text[at..]);
    Some(result)
}

/// The year of a date, of a month or alone.
pub(super) fn year(text: &str, order: DateOrder) -> Option<i16> {
    if let Some(parts) = read(text, order) {
        return Some(parts.date.year());
    }
    let years = tokens(text).into_iter().filter(|it| it.range.len() == 4);
    years.filter_map(|it| it.number).find(|it| (1800..2100).contains(it))
}

fn read(text: &str, order: DateOrder) -> Option<Parts> {
    let tokens = tokens(text);
    let numbers: Vec<&Token> = tokens.iter().filter(|it| it.number.is_some()).collect();
    let named = tokens.iter().find_map(|it| month_named(text, it));
    if let Some((month, number, names)) = named {
        let day = numbers.iter().find(|it| it.range.len() <= 2)?;
        let year = numbers.iter().find(|it| it.range.len() == 4)?;
        return parts(year, (&month, number, Some(names)), day);
    }
    let [a, b, c, ..] = numbers[..] else { return None };
    let separator = text.as_bytes()[a.range.end];
    if a.range.len() == 4 {
        return parts(a, (&b.range, b.number?, None), c);
    }
    let month_first = separator == b'/' && order == DateOrder::MonthFirst;
    // What cannot be a month is the day, whatever the order.
    let month_first = if month_first { a.number? <= 12 } else { b.number? > 12 };
    let (month, day) = if month_first { (a, b) } else { (b, a) };
    parts(c, (&month.range, month.number?, None), day)
}

fn parts(
    year: &Token,
    (month, number, names): (&Range<usize>, i16, Option<&'static [&'static str; 12]>),
    day: &Token,
) -> Option<Parts> {
    let full = match (year.number?, year.range.len()) {
        (short @ 0..30, 2) => 2000 + short,
        (short, 2) => 1900 + short,
        (full, 4) => full,
        _ => return None,
    };
    let date = Date::new(full, i8::try_from(number).ok()?, i8::try_from(day.number?).ok()?).ok()?;
    let (year, day) = (year.range.clone(), day.range.clone());
    Some(Parts { date, year, month: month.clone(), day, names })
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let same = (c.is_ascii_digit() && last.is_ascii_digit())
            || (c.is_alphabetic() && last.is_alphabetic());
        match tokens.last_mut() {
            Some(token) if same => token.range.end = end,
            _ if c.is_alphanumeric() => tokens.push(Token { range: at..end, number: None }),
            _ => {}
        }
        last = c;
    }
    for token in &mut tokens {
        let digits = &text[token.range.clone()];
        token.number = digits.parse().ok().filter(|_| digits.len() <= 4);
    }
    tokens
}

type NamedMonth = (Range<usize>, i16, &'static [&'static str; 12]);

fn month_named(text: &str, token: &Token) -> Option<NamedMonth> {
    let name = text[token.range.clone()].to_lowercase();
    let name = if name == "sept" { "sep" } else { &name };
    MONTHS.iter().find_map(|names| {
        let number = names.iter().position(|it| *it == name)?;
        Some((token.range.clone(), i16::try_from(number).ok()? + 1, names))
    })
}

fn in_case_of(old: &str, name: &str) -> String {
    let mut capitals = old.chars().map(char::is_uppercase);
    match (capitals.next(), capitals.next()) {
        (Some(true), Some(true)) => name.to_uppercase(),
        (Some(true), _) => {
            let mut rest = name.chars();
            rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
        }
        _ => name.to_owned(),
    }
}

fn ordinal_at(text: &str, at: usize) -> Option<Range<usize>> {
    let suffix = text.get(at..at + 2)?.to_ascii_lowercase();
    matches!(suffix.as_str(), "st" | "nd" | "rd" | "th").then_some(at..at + 2)
}

fn ordinal(day: i8) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, days: i64, expected: Option<&str>) {
        assert_eq!(shifted(text, DateOrder::MonthFirst, days).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_date_moves_in_its_own_form() {
        check("2020-02-28 11:34:35", 2, Some("2020-03-01 11:34:35"));
        check("2020-12-31T00:00:00Z", 1, Some("2021-01-01T00:00:00Z"));
        check("2/8/1935", 30, Some("3/10/1935"));
        check("02/08/35", -10, Some("01/29/35"));
        check("24.12.2024", 10, Some("03.01.2025"));
        check("31/12/2024", 1, Some("01/01/2025"));
        check("March 3rd, 2021", -2, Some("March 1st, 2021"));
        check("12 de marzo de 1999", 30, Some("11 de abril de 1999"));
        check("5. März 2021", -5, Some("28. Februar 2021"));
        check("3 DEC 2020", 31, Some("3 JAN 2021"));
    }

    #[test]
    fn what_is_no_whole_date_stays_unread() {
        for text in ["Monday", "1977", "March 2021", "March 3rd", "2020-02-30", ""] {
            check(text, 1, None);
        }
    }

    #[test]
    fn the_order_of_day_and_month_is_the_callers() {
        assert_eq!(shifted("3/4/2020", DateOrder::DayFirst, 1).as_deref(), Some("4/4/2020"));
        assert_eq!(shifted("3/4/2020", DateOrder::MonthFirst, 1).as_deref(), Some("3/5/2020"));
    }

    #[test]
    fn one_subject_moves_alike() {
        use crate::recognisers::Kind;
        use crate::redaction::operators::tests::apply;
        let of = |text| apply(&OPERATOR, Kind::DATE, text).unwrap();
        let date = |text: String| text.parse::<Date>().unwrap();
        let between = date(of("2020-03-10")) - date(of("2020-03-01"));
        assert_eq!(between.get_days(), 9);
        assert_ne!(of("2020-03-01"), "2020-03-01");
    }
}
