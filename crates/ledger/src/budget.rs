//! Limits of requests, tokens and cost, and what was used of them.
//!
//! A process that serves draws on a limit before it uses it: a share of what is left, in one
//! transaction for every level that a request is counted at. Requests are then let in from the
//! share without asking again, and what they really took is reported. So all processes together
//! never let in more than a limit allows; beyond it goes only what a request takes more than it
//! reserved. A share belongs to its holder for as long as the holder's lease lasts: of a process
//! that died, what it had drawn and not used is free again when the lease ends.
//!
//! Instants come from the clocks of the processes, which may differ by a few seconds and no more.

mod window;

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{REMARK_BYTES_MAX, within};
use crate::{LedgerError, Party};

pub use window::{Span, Window};

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Measure {
    Requests,
    /// Input and output together.
    Tokens,
    /// In 10⁻¹² of that currency, three capital letters.
    Cost(String),
}

/// A text names no measure.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not counted; write `requests`, `tokens` or a currency such as `EUR`")]
pub struct InvalidMeasure(String);

impl Measure {
    /// Reads `requests`, `tokens`, or a currency.
    ///
    /// # Errors
    /// When the text is none of them.
    pub fn parse(text: &str) -> Result<Self, InvalidMeasure> {
        match text {
            "requests" => Ok(Self::Requests),
            "tokens" => Ok(Self::Tokens),
            _ if text.len() == 3 && text.bytes().all(|it| it.is_ascii_uppercase()) => {
                Ok(Self::Cost(text.to_owned()))
            }
            _ => Err(InvalidMeasure(text.chars().take(40).collect())),
        }
    }

    /// The word used in rows and output.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Cost(currency) => currency,
        }
    }

    /// An amount as people read it.
    #[must_use]
    pub fn shown(&self, amount: u64) -> String {
        match self {
            Self::Requests | Self::Tokens => format!("{amount} {}", self.as_str()),
            Self::Cost(currency) => {
                let (whole, part) = (amount / 1_000_000_000_000, amount % 1_000_000_000_000);
                // Two decimal places at least, and as many as the amount has.
                let part = format!("{part:012}");
                let part = part.trim_end_matches('0');
                format!("{whole}.{part:0<2} {currency}")
            }
        }
    }
}

impl TryFrom<String> for Measure {
    type Error = InvalidMeasure;

    fn try_from(text: String) -> Result<Self, InvalidMeasure> {
        Self::parse(&text)
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.as_str().to_owned()
    }
}

/// Largest limit, and the most that one row of use holds: rows are signed numbers, and so are sums
/// over the rows of many processes.
pub const AT_MOST_MAX: u64 = 1 << 56;

/// A limit: so much, for this party and all below it together, in each window.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cap {
    /// Its number in the ledger, which stays when the amount changes.
    pub id: i64,
    pub party: Party,
    pub measure: Measure,
    pub per: Window,
    pub at_most: u64,
}

impl Cap {
    /// What people call it: `team/support tokens per day`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {} per {}", self.party, self.measure.as_str(), self.per)
    }
}

/// A limit that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapRequest {
    pub party: Party,
    pub measure: Measure,
    pub per: Window,
    /// None lifts the limit.
    pub at_most: Option<u64>,
    pub why: String,
}

impl CapRequest {
    /// Refuses what no adapter keeps.
    ///
    /// # Errors
    /// When the amount or the reason is beyond its limit.
    pub fn check(&self) -> Result<(), LedgerError> {
        within("the reason of a limit", self.why.len(), REMARK_BYTES_MAX)?;
        match self.at_most {
            Some(amount) if amount > AT_MOST_MAX => Err(LedgerError::Invalid {
                what: "the limit",
                why: format!("it is at most {}", self.measure.shown(AT_MOST_MAX)),
            }),
            _ => Ok(()),
        }
    }
}

/// What was used of a limit in the present window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapState {
    pub cap: Cap,
    pub used: u64,
    /// Drawn by processes that serve, and not used yet.
    pub reserved: u64,
    pub until: Timestamp,
}

/// A process that serves, and until when its shares are its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// No other process has it.
    pub id: String,
    pub lease_until: Timestamp,
}

/// A holder's share of one limit in one window, as it is from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub cap: i64,
    /// Where the window begins.
    pub from: Timestamp,
    pub used: u64,
    /// With what was used; at least as much.
    pub drawn: u64,
}

/// More that a holder wants of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    pub cap: i64,
    pub from: Timestamp,
    /// Less is of no use.
    pub least: u64,
    /// More is not needed.
    pub most: u64,
}

/// What came of what was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchanged {
    /// All of it, at least; one amount for each want.
    Drawn(Vec<u64>),
    /// None of it, because of this limit.
    Refused(Refusal),
}

/// The limit that is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub cap: i64,
    pub at_most: u64,
    /// Used by all holders.
    pub used: u64,
    /// Used, or drawn by holders whose lease lasts.
    pub taken: u64,
}

/// One part of what is left goes to whoever draws, so that many processes share the rest.
const PARTS: u64 = 16;

/// What a holder gets: a part of what is left, but at least what it needs; none if that is not
/// left.
#[must_use]
pub fn drawn(at_most: u64, taken: u64, want: &Want) -> Option<u64> {
    let left = at_most.saturating_sub(taken);
    if want.least > left {
        return None;
    }
    Some((left / PARTS).min(want.most).max(want.least))
}

/// Limits, and their use.
#[async_trait]
pub trait BudgetRepository: Send + Sync + fmt::Debug {
    /// Sets, changes or lifts a limit; the audit log says who did, and why. None when it was
    /// lifted.
    ///
    /// # Errors
    /// `Missing` when there is no such party, or no such limit to be lifted.
    async fn set_cap(
        &self,
        request: &CapRequest,
        by: &str,
        at: Timestamp,
    ) -> Result<Option<Cap>, LedgerError>;

    /// Every limit with what was used of it, by party.
    async fn cap_states(&self, now: Timestamp) -> Result<Vec<CapState>, LedgerError>;

    /// Prolongs the holder's lease, takes its shares as they are said to be, and draws all of what
    /// is wanted or none of it. What is said of the shares is kept also if the wants are refused.
    ///
    /// It need not survive a crash of the database itself, as everything else does.
    async fn exchange(
        &self,
        holder: &Holder,
        now: Timestamp,
        shares: &[Share],
        wants: &[Want],
    ) -> Result<Exchanged, LedgerError>;

    /// Forgets holders whose lease ended before that, and what was used in minutes before it. Days
    /// and months are kept.
    async fn forget_use(&self, before: Timestamp) -> Result<(), LedgerError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at_most: u64, taken: u64, least: u64, most: u64, expected: Option<u64>) {
        let want = Want { cap: 1, from: Timestamp::from_micros(0), least, most };
        assert_eq!(drawn(at_most, taken, &want), expected, "{at_most} {taken} {least} {most}");
    }

    #[test]
    fn shares_get_smaller_towards_the_end_and_never_exceed_what_is_left() {
        check(1600, 0, 1, 1000, Some(100));
        check(1600, 0, 1, 50, Some(50));
        check(1600, 0, 300, 1000, Some(300));
        check(1600, 1500, 1, 1000, Some(6));
        check(1600, 1590, 10, 1000, Some(10));
        check(1600, 1591, 10, 1000, None);
        check(1600, 9999, 1, 1, None);
        check(10, 10, 0, 0, Some(0));
    }

    #[test]
    fn amounts_are_shown_as_people_read_them() {
        let shown = |measure: &str, amount| Measure::parse(measure).unwrap().shown(amount);
        assert_eq!(shown("tokens", 5), "5 tokens");
        assert_eq!(shown("EUR", 12_500_000_000_000), "12.50 EUR");
        assert_eq!(shown("USD", 1_000_000_000_000), "1.00 USD");
        assert_eq!(shown("USD", 50_000_000), "0.00005 USD");
        assert!(Measure::parse("euro").unwrap_err().to_string().contains("EUR"));
    }
}
