//! `freehold limits`: how much organisations, teams, users and keys may use.

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use freehold_ledger::{Cap, CapRequest, CapState, Measure, Party, Window};
use serde::Serialize;

use crate::output;
use crate::wiring::Session;

/// Limits of requests, tokens and cost per minute, day and month.
///
/// A limit holds for a key, or for all keys below a user, team or organisation together, however
/// many servers share the ledger. Before an answer the most that it may take is reserved, afterwards
/// what it took is counted. Beyond a limit the server answers 429 and names it. A running server
/// follows within seconds; what was used before a limit was set does not count.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set or change a limit: `freehold limits set team/support 500 EUR --per month`.
    Set {
        /// `organisation/NAME`, `team/NAME`, `user/NAME` or `key/NAME`.
        party: Party,
        /// How much; of money with a point, such as `12.50`.
        amount: String,
        /// `requests`, `tokens`, or a currency such as `EUR`.
        #[arg(value_parser = parse_measure)]
        measure: Measure,
        /// `minute`, `day` or `month`, of the calendar in UTC.
        #[arg(long, value_parser = parse_window)]
        per: Window,
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        why: String,
        /// Who sets it.
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// Lift a limit. What was used of it is kept, should it be set again.
    Lift {
        party: Party,
        #[arg(value_parser = parse_measure)]
        measure: Measure,
        #[arg(long, value_parser = parse_window)]
        per: Window,
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        why: String,
        /// Who lifts it.
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// Every limit, with what was used of it.
    List,
}

fn parse_measure(text: &str) -> Result<Measure, String> {
    Measure::parse(text).map_err(|error| error.to_string())
}

fn parse_window(text: &str) -> Result<Window, String> {
    let known = Window::ALL.map(Window::as_str).join(", ");
    Window::parse(text).ok_or_else(|| format!("`{text}` is not a window; there are {known}"))
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::List => list(session),
        Command::Set { party, amount, measure, per, why, by } => {
            let at_most = Some(parse_amount(amount, measure)?);
            let (party, measure, why) = (party.clone(), measure.clone(), why.clone());
            let request = CapRequest { party, measure, per: *per, at_most, why };
            let set = session.wait(session.ledger.set_cap(&request, by, session.now()))?;
            let cap = set.context("the limit that was set is not there")?;
            output::print(session.form, &Shown::of(&cap), |it| {
                format!("{}: at most {}", it.limit, it.at_most)
            })?;
            output::next(session.form, "freehold limits list");
            Ok(())
        }
        Command::Lift { party, measure, per, why, by } => {
            let (party, measure, why) = (party.clone(), measure.clone(), why.clone());
            let request = CapRequest { party, measure, per: *per, at_most: None, why };
            session.wait(session.ledger.set_cap(&request, by, session.now()))?;
            let cap = CapRequest { at_most: None, ..request };
            let limit = format!("{} {} per {}", cap.party, cap.measure.as_str(), cap.per);
            let value = serde_json::json!({ "limit": limit, "at_most": null });
            output::print(session.form, &value, |_| format!("{limit}: lifted"))
        }
    }
}

/// A limit in the words of people.
#[derive(Debug, Serialize)]
struct Shown {
    limit: String,
    at_most: String,
}

impl Shown {
    fn of(cap: &Cap) -> Self {
        Self { limit: cap.name(), at_most: cap.measure.shown(cap.at_most) }
    }
}

fn list(session: &Session) -> Result<()> {
    let states = session.wait(session.ledger.cap_states(session.now()))?;
    output::print(session.form, &states, |states| {
        let row = |it: &CapState| {
            let shown = |amount| it.cap.measure.shown(amount);
            vec![
                it.cap.name(),
                shown(it.used),
                shown(it.reserved),
                shown(it.cap.at_most),
                it.until.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = states.iter().map(row).collect();
        output::table(&["limit", "used", "reserved", "at most", "begins anew"], &rows)
    })
}

/// Decimal places of an amount of money that are kept.
const PLACES: usize = 12;

/// A whole number, or an amount of money in 10⁻¹² of its unit. Exact: no floating point is near.
fn parse_amount(text: &str, measure: &Measure) -> Result<u64> {
    let plain: String = text.chars().filter(|it| *it != '_').collect();
    let digits = |text: &str| text.bytes().all(|it| it.is_ascii_digit());
    let Measure::Cost(currency) = measure else {
        if plain.is_empty() || !digits(&plain) {
            bail!("`{text}` is not a whole number of {}", measure.as_str());
        }
        return plain.parse().with_context(|| format!("`{text}` is too large"));
    };
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, "0"));
    if whole.is_empty() || part.is_empty() || !digits(whole) || !digits(part) {
        bail!("`{text}` is not an amount of {currency}; write it as `12.50`");
    }
    if part.len() > PLACES {
        bail!("`{text}` has more than {PLACES} decimal places");
    }
    format!("{whole}{part:0<PLACES$}").parse().with_context(|| format!("`{text}` is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, measure: &str, expected: Result<u64, &str>) {
        let found = parse_amount(text, &Measure::parse(measure).unwrap());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn amounts_are_read_exactly() {
        check("1_000_000", "tokens", Ok(1_000_000));
        check("12.50", "EUR", Ok(12_500_000_000_000));
        check("500", "USD", Ok(500_000_000_000_000));
        check("0.000000000001", "USD", Ok(1));
        check("0.0000000000001", "USD", Err("decimal places"));
        check("1.5", "tokens", Err("whole number"));
        check("-1", "EUR", Err("not an amount"));
        check("", "requests", Err("whole number"));
        check("99999999999", "EUR", Err("too large"));
    }
}
