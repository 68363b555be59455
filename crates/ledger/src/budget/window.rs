//! Minutes, days and months of the calendar in UTC, in which limits begin anew.
//!
//! A window begins for everybody at the same instant, so that processes agree without talking; two
//! windows may be used up one right after the other.

use std::fmt;

use freehold_vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * 60 * MINUTE_US;

/// How long a limit counts before it begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    Minute,
    Day,
    Month,
}

/// One window: from an instant until before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Window {
    /// Every kind, shortest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Day, Self::Month];

    /// The word used in rows, on the command line and in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// The window in which an instant lies.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Span {
        let micros = now.as_micros();
        let of_length = |length: i64| {
            let from = micros.div_euclid(length).saturating_mul(length);
            (from, from.saturating_add(length))
        };
        let (from, until) = match self {
            Self::Minute => of_length(MINUTE_US),
            Self::Day => of_length(DAY_US),
            Self::Month => month(now),
        };
        Span { from: Timestamp::from_micros(from), until: Timestamp::from_micros(until) }
    }
}

/// The month in which an instant lies, read off its date.
fn month(now: Timestamp) -> (i64, i64) {
    let date = now.day();
    let number = |range| date.get(range).and_then(|it: &str| it.parse::<u32>().ok());
    // A clock of this era has dates of ten characters; any other is told as the epoch.
    let (year, month) = number(0..4).zip(number(5..7)).unwrap_or((1970, 1));
    let first = |year: u32, month: u32| {
        let instant = Timestamp::parse(&format!("{year:04}-{month:02}-01T00:00:00Z"));
        instant.map_or(0, Timestamp::as_micros)
    };
    let next = if month == 12 { first(year + 1, 1) } else { first(year, month + 1) };
    (first(year, month), next)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(window: Window, now: &str, from: &str, until: &str) {
        let instant = |text: &str| Timestamp::parse(text).unwrap();
        let span = window.at(instant(now));
        assert_eq!(span, Span { from: instant(from), until: instant(until) }, "{now}");
    }

    #[test]
    fn windows_are_those_of_the_calendar() {
        let minute = Window::Minute;
        check(minute, "2026-11-24T12:30:59.9Z", "2026-11-24T12:30:00Z", "2026-11-24T12:31:00Z");
        check(Window::Day, "2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z");
        let month = Window::Month;
        check(month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check(month, "2024-02-29T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
        check(month, "2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z");
        check(month, "1969-12-31T23:00:00Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z");
    }

    #[test]
    fn every_month_has_the_days_of_the_calendar() {
        for day in (0..400_000).step_by(11) {
            let at = Timestamp::from_micros(day * DAY_US);
            let span = Window::Month.at(at);
            assert!(span.from <= at && at < span.until);
            assert_eq!(span.from.day(), format!("{}01", &at.day()[..8]));
            assert_eq!(&span.until.day()[8..], "01");
            assert!(
                (28..=31).contains(&((span.until.as_micros() - span.from.as_micros()) / DAY_US))
            );
        }
    }
}
