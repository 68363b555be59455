//! `freehold keys`: API keys for the server.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use freehold_ledger::{Allowed, Key, KeyChange, KeyName, Party, Role, Tags};
use freehold_vocabulary::{Clock as _, Digest, Timestamp};
use serde::Serialize;

use crate::clock::SystemClock;
use crate::output;
use crate::wiring::Session;

/// Make, list, change and revoke API keys. A secret is shown once and stored only as its hash.
///
/// A key may belong to a user, a team or an organisation (`freehold teams`), whose rules and limits
/// then hold for it too. A running server follows within seconds.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key and print its secret once.
    Add {
        name: KeyName,
        #[command(flatten)]
        may: May,
        /// RFC 3339 instant after which the key is refused.
        #[arg(long, value_parser = parse_instant)]
        expires: Option<Timestamp>,
        /// Who makes it.
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// All keys, without their secrets.
    List,
    /// Change who a key belongs to or what it may do; what is not said stays as it is.
    Change {
        name: KeyName,
        #[command(flatten)]
        may: May,
        /// It belongs to nobody any more.
        #[arg(long, conflicts_with = "owner")]
        no_owner: bool,
        /// RFC 3339 instant after which the key is refused.
        #[arg(long, value_parser = parse_instant)]
        expires: Option<Timestamp>,
        /// It lasts until it is revoked.
        #[arg(long, conflicts_with = "expires")]
        no_expiry: bool,
        /// Who changes it.
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// Replace the secret and print the new one once; the old one is refused.
    Rotate {
        name: KeyName,
        /// Who does.
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// Refuse the key from now on.
    Revoke {
        name: KeyName,
        /// Who ends it.
        #[arg(long, default_value = "local")]
        by: String,
    },
}

/// Who a key belongs to, and what it may do.
#[derive(Debug, Args)]
pub struct May {
    /// `user/NAME`, `team/NAME` or `organisation/NAME`.
    #[arg(long, value_name = "PARTY")]
    owner: Option<Party>,
    /// `member` asks, `monitor` only reads metrics and the list of models, `admin` may do everything.
    #[arg(long, value_parser = parse_role)]
    role: Option<Role>,
    #[command(flatten)]
    lists: Lists,
}

/// Lists that keys and accounts have.
#[derive(Debug, Args)]
pub struct Lists {
    /// A task or model that may be used; say it for each. `own-*` stands for all that begin so, `*`
    /// for everything. Default: everything.
    #[arg(long = "allow", value_name = "NAME")]
    allowed: Vec<String>,
    /// A word for reports, such as `cost-centre=4711`; say it for each.
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = parse_tag)]
    tags: Vec<(String, String)>,
}

impl Lists {
    /// None if nothing was said.
    pub fn allowed(&self) -> Option<Allowed> {
        let everything = self.allowed.iter().any(|it| it == "*");
        let list = if everything { Vec::new() } else { self.allowed.clone() };
        (!self.allowed.is_empty()).then_some(Allowed(list))
    }

    /// None if nothing was said.
    pub fn tags(&self) -> Option<Tags> {
        (!self.tags.is_empty()).then(|| self.tags.iter().cloned().collect())
    }
}

fn parse_instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

fn parse_role(text: &str) -> Result<Role, String> {
    let known = Role::ALL.map(Role::as_str).join(", ");
    Role::parse(text).ok_or_else(|| format!("`{text}` is not a role; there are {known}"))
}

fn parse_tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not a tag; write `name=value`")),
    }
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::Add { name, may, expires, by } => add(session, name, may, *expires, by),
        Command::List => list(session),
        Command::Change { name, may, no_owner, expires, no_expiry, by } => {
            let owner = if *no_owner { Some(None) } else { may.owner.clone().map(Some) };
            let expires_at = if *no_expiry { Some(None) } else { expires.map(Some) };
            let (role, allowed, tags) = (may.role, may.lists.allowed(), may.lists.tags());
            let change = KeyChange { owner, role, allowed, tags, expires_at, secret: None };
            let changed = session.ledger.change_key(name, &change, by, SystemClock.now());
            let key = session.wait(changed)?;
            output::print(session.form, &key, |it| shown(&[it], session.now()))
        }
        Command::Rotate { name, by } => {
            let (secret, hash, prefix) = new_secret()?;
            let change = KeyChange { secret: Some((hash, prefix)), ..KeyChange::default() };
            let changed = session.ledger.change_key(name, &change, by, SystemClock.now());
            let key = session.wait(changed)?;
            print_secret(session, &key, &secret)
        }
        Command::Revoke { name, by } => {
            let key = session.wait(session.ledger.revoke_key(name, by, SystemClock.now()))?;
            output::print(session.form, &key, |it| format!("key `{}` is revoked", it.name))
        }
    }
}

fn add(
    session: &Session,
    name: &KeyName,
    may: &May,
    expires_at: Option<Timestamp>,
    by: &str,
) -> Result<()> {
    let (secret, hash, prefix) = new_secret()?;
    let key = Key {
        owner: may.owner.clone(),
        role: may.role.unwrap_or_default(),
        allowed: may.lists.allowed().unwrap_or_default(),
        tags: may.lists.tags().unwrap_or_default(),
        expires_at,
        ..Key::new(name.clone(), hash, &prefix, SystemClock.now())
    };
    session.wait(session.ledger.add_key(&key, by))?;
    print_secret(session, &key, &secret)?;
    output::next(session.form, &format!("freehold limits set key/{name} 60 requests --per minute"));
    Ok(())
}

/// A secret with its hash and what is shown of it.
fn new_secret() -> Result<(String, Digest, String)> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).context("the machine gives no randomness")?;
    let secret = format!("fh-{}", Digest::of(bytes).hex());
    let (hash, prefix) = (Digest::of(&secret), secret.chars().take(9).collect());
    Ok((secret, hash, prefix))
}

fn print_secret(session: &Session, key: &Key, secret: &str) -> Result<()> {
    let Key { name, expires_at, owner, role, .. } = key;
    let value = serde_json::json!({
        "name": name, "secret": secret, "expires_at": expires_at, "owner": owner, "role": role,
    });
    output::print(session.form, &value, |_| {
        format!(
            "{secret}\n\nThis is the only time the secret of `{name}` is shown; keep it in a secret store."
        )
    })
}

fn list(session: &Session) -> Result<()> {
    /// A key with the word that the table shows.
    #[derive(Serialize)]
    struct Listed<'a> {
        #[serde(flatten)]
        key: &'a Key,
        valid: bool,
    }
    let keys = session.wait(session.ledger.keys())?;
    let now = SystemClock.now();
    let listed: Vec<Listed<'_>> =
        keys.iter().map(|key| Listed { key, valid: key.is_valid_at(now) }).collect();
    output::print(session.form, &listed, |_| shown(&keys.iter().collect::<Vec<_>>(), now))
}

fn shown(keys: &[&Key], now: Timestamp) -> String {
    let row = |key: &&Key| {
        let state = if key.is_valid_at(now) { "valid" } else { "refused" };
        let owner = key.owner.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
        let expires = key.expires_at.map_or_else(|| "never".to_owned(), |it| it.to_string());
        vec![
            key.name.to_string(),
            format!("{}…", key.prefix),
            state.to_owned(),
            key.role.as_str().to_owned(),
            owner,
            lists(&key.allowed, &key.tags),
            expires,
        ]
    };
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    output::table(&["name", "prefix", "state", "role", "owner", "may use", "expires"], &rows)
}

/// What may be used, and tags, in one cell.
pub fn lists(allowed: &Allowed, tags: &Tags) -> String {
    let names = if allowed.0.is_empty() { "everything".to_owned() } else { allowed.0.join(", ") };
    let tags: String = tags.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    names + &tags
}
