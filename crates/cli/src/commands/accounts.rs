//! `freehold organisations`, `freehold teams`, `freehold users`: who keys belong to.

use anyhow::Result;
use clap::Subcommand;
use freehold_ledger::{Account, AccountChange, Level, Party, PartyName};

use super::keys::{Lists, lists};
use crate::output;
use crate::wiring::Session;

/// Who keys belong to, and what all keys below may use together.
///
/// A user belongs to a team or an organisation, a team to an organisation. What one level forbids
/// no level below it can allow; its limits (`freehold limits`) hold for all below it together.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add one.
    Add {
        name: PartyName,
        /// Whom it belongs to: `organisation/NAME`, or `team/NAME` for a user.
        #[arg(long, value_name = "PARTY")]
        of: Option<Party>,
        #[command(flatten)]
        lists: Lists,
        /// Who adds it.
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// All of them.
    List,
    /// Change one; what is not said stays as it is.
    Change {
        name: PartyName,
        /// Whom it belongs to from now on.
        #[arg(long, value_name = "PARTY")]
        of: Option<Party>,
        /// It belongs to nobody any more.
        #[arg(long, conflicts_with = "of")]
        of_nobody: bool,
        #[command(flatten)]
        lists: Lists,
        /// Who changes it.
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// Refuse every key below it from now on, for good.
    Close {
        name: PartyName,
        /// Who closes it.
        #[arg(long, default_value = "local")]
        by: String,
    },
}

pub fn run(command: &Command, level: Level, session: &Session) -> Result<()> {
    let party = |name: &PartyName| Party::new(level, name.clone());
    let now = session.now();
    let account = match command {
        Command::List => return list(session, level),
        Command::Add { name, of, lists, by } => {
            let account = Account {
                party: party(name),
                parent: of.clone(),
                allowed: lists.allowed().unwrap_or_default(),
                tags: lists.tags().unwrap_or_default(),
                created_at: now,
                closed_at: None,
            };
            session.wait(session.ledger.add_account(&account, by))?;
            account
        }
        Command::Change { name, of, of_nobody, lists, by } => {
            let parent = if *of_nobody { Some(None) } else { of.clone().map(Some) };
            let (allowed, tags) = (lists.allowed(), lists.tags());
            let change = AccountChange { parent, allowed, tags };
            session.wait(session.ledger.change_account(&party(name), &change, by, now))?
        }
        Command::Close { name, by } => {
            session.wait(session.ledger.close_account(&party(name), by, now))?
        }
    };
    output::print(session.form, &account, |it| shown(std::slice::from_ref(it)))?;
    if let Command::Add { .. } = command {
        let step = format!("freehold keys add NAME --owner {}", account.party);
        output::next(session.form, &step);
    }
    Ok(())
}

fn list(session: &Session, level: Level) -> Result<()> {
    let mut accounts = session.wait(session.ledger.accounts())?;
    accounts.retain(|it| it.party.level == level);
    output::print(session.form, &accounts, |it| shown(it))
}

fn shown(accounts: &[Account]) -> String {
    let row = |it: &Account| {
        let parent = it.parent.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
        let state = if it.closed_at.is_some() { "closed" } else { "open" };
        vec![
            it.party.name.to_string(),
            state.to_owned(),
            parent,
            lists(&it.allowed, &it.tags),
            it.created_at.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = accounts.iter().map(row).collect();
    output::table(&["name", "state", "belongs to", "may use", "created"], &rows)
}
