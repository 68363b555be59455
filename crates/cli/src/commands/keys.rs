//! `freehold keys`: API keys for the server.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use freehold_ledger::{Key, KeyName};
use freehold_vocabulary::{Clock as _, Digest, Timestamp};

use crate::clock::SystemClock;
use crate::output;
use crate::wiring::Session;

/// Make, list and revoke API keys. A secret is shown once and stored only as its hash.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key and print its secret once.
    Add {
        name: KeyName,
        /// RFC 3339 instant after which the key is refused.
        #[arg(long, value_parser = parse_instant)]
        expires: Option<Timestamp>,
        /// Who makes it.
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// All keys, without their secrets.
    List,
    /// Refuse the key from now on.
    Revoke {
        name: KeyName,
        /// Who ends it.
        #[arg(long, default_value = "local")]
        by: String,
    },
}

fn parse_instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::Add { name, expires, by } => add(session, name, *expires, by),
        Command::List => list(session),
        Command::Revoke { name, by } => {
            let key = session.wait(session.ledger.revoke_key(name, by, SystemClock.now()))?;
            output::print(session.form, &key, |it| format!("key `{}` is revoked", it.name))
        }
    }
}

fn add(session: &Session, name: &KeyName, expires_at: Option<Timestamp>, by: &str) -> Result<()> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).context("the machine gives no randomness")?;
    let secret = format!("fh-{}", Digest::of(bytes).hex());
    let key = Key {
        name: name.clone(),
        hash: Digest::of(&secret),
        prefix: secret.chars().take(9).collect(),
        created_at: SystemClock.now(),
        expires_at,
        revoked_at: None,
    };
    session.wait(session.ledger.add_key(&key, by))?;
    let shown = serde_json::json!({ "name": name, "secret": secret, "expires_at": expires_at });
    output::print(session.form, &shown, |_| {
        format!(
            "{secret}\n\nThis is the only time the secret of `{name}` is shown; keep it in a secret store."
        )
    })
}

fn list(session: &Session) -> Result<()> {
    let keys = session.wait(session.ledger.keys())?;
    let now = SystemClock.now();
    output::print(session.form, &keys, |keys| {
        let rows: Vec<Vec<String>> = keys
            .iter()
            .map(|key| {
                let state = if key.is_valid_at(now) { "valid" } else { "refused" };
                vec![
                    key.name.to_string(),
                    format!("{}…", key.prefix),
                    state.to_owned(),
                    key.created_at.to_string(),
                ]
            })
            .collect();
        output::table(&["name", "prefix", "state", "created"], &rows)
    })
}
