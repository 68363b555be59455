//! A calendar day in UTC: the grain of prices and of reports.

use std::fmt;

use freehold_vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

use crate::EconomicsError;

const DAY_US: i64 = 86_400_000_000;

/// A day, as the number of days since 1970-01-01.
///
/// Invariant: a day that has ten characters, so years 0000 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(i32);

impl Day {
    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// When the text is no day of the calendar.
    pub fn parse(text: &str) -> Result<Self, EconomicsError> {
        let wrong = || EconomicsError::NoDay(text.chars().take(40).collect());
        if text.len() != 10 {
            return Err(wrong());
        }
        let midnight = Timestamp::parse(&format!("{text}T00:00:00Z")).map_err(|_| wrong())?;
        Ok(Self::of(midnight))
    }

    /// The day of an instant.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        let days = at.as_micros().div_euclid(DAY_US);
        Self(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_micros(i64::from(self.0) * DAY_US)
    }

    /// The day that many days later.
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// How many days lie between an earlier day and this one; negative for a later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    /// The first day of its month.
    #[must_use]
    pub fn month(self) -> Self {
        let day: i32 = self.to_string()[8..].parse().unwrap_or(1);
        self.plus(1 - day)
    }

    /// The first day of the month after.
    #[must_use]
    pub fn next_month(self) -> Self {
        // 31 days after the first there is always the next month, and never the one after it.
        self.month().plus(31).month()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start().day())
    }
}

impl TryFrom<String> for Day {
    type Error = EconomicsError;
    fn try_from(text: String) -> Result<Self, EconomicsError> {
        Self::parse(&text)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, month: &str, next: &str) {
        let day = Day::parse(text).unwrap();
        assert_eq!(day.to_string(), text);
        assert_eq!(
            (day.month().to_string(), day.next_month().to_string()),
            (month.to_owned(), next.to_owned())
        );
    }

    #[test]
    fn days_know_their_month() {
        check("2026-11-24", "2026-11-01", "2026-12-01");
        check("2026-12-31", "2026-12-01", "2027-01-01");
        check("2028-02-29", "2028-02-01", "2028-03-01");
        check("2027-01-31", "2027-01-01", "2027-02-01");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for bad in
            ["", "2026-1-1", "2027-02-29", "2026-13-01", "2026/11/01", "2026-11-01T00:00:00Z"]
        {
            assert!(Day::parse(bad).is_err(), "{bad}");
        }
    }
}
