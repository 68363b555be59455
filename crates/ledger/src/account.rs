//! Organisations, their teams, and the users of a team: who a key belongs to.
//!
//! A key belongs to a user, a team or an organisation, or to nobody; a user belongs to a team or an
//! organisation, a team to an organisation. What one level forbids no level below it can allow, and
//! its limits hold for all below it together.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::Timestamp;
use freehold_vocabulary::name::Name;
use serde::{Deserialize, Serialize};

use crate::LedgerError;

/// Marks names of parties.
#[derive(Debug)]
pub enum OfParty {}

/// What people call an organisation, a team, a user or a key.
pub type PartyName = Name<OfParty>;

/// How far up something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Key,
    User,
    Team,
    Organisation,
}

impl Level {
    /// Every level, from the key upwards.
    pub const ALL: [Self; 4] = [Self::Key, Self::User, Self::Team, Self::Organisation];

    /// The word used in rows, on the command line and in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
            Self::Team => "team",
            Self::Organisation => "organisation",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who a limit or an account is about; written `team/support`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Party {
    pub level: Level,
    pub name: PartyName,
}

/// A text names no party.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` names nobody; write the level and the name, as in `organisation/acme`, `team/support`, `user/ada` or `key/ci`"
)]
pub struct InvalidParty(String);

impl Party {
    /// That party.
    #[must_use]
    pub const fn new(level: Level, name: PartyName) -> Self {
        Self { level, name }
    }

    /// Reads `level/name`.
    ///
    /// # Errors
    /// When the text is nothing of the kind.
    pub fn parse(text: &str) -> Result<Self, InvalidParty> {
        let parsed = text.split_once('/').and_then(|(level, name)| {
            Some(Self { level: Level::parse(level)?, name: PartyName::parse(name).ok()? })
        });
        parsed.ok_or_else(|| InvalidParty(text.chars().take(100).collect()))
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.level, self.name)
    }
}

impl std::str::FromStr for Party {
    type Err = InvalidParty;

    fn from_str(text: &str) -> Result<Self, InvalidParty> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Party {
    type Error = InvalidParty;

    fn try_from(text: String) -> Result<Self, InvalidParty> {
        Self::parse(&text)
    }
}

impl From<Party> for String {
    fn from(party: Party) -> Self {
        party.to_string()
    }
}

/// Most names in one list of what may be used.
const ALLOWED_MAX: usize = 1000;
/// Longest name in it, in bytes.
const ALLOWED_BYTES_MAX: usize = 200;
const TAGS_MAX: usize = 50;
const TAG_BYTES_MAX: usize = 200;

/// Which tasks and models may be used. Empty for all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Allowed(pub Vec<String>);

impl Allowed {
    /// Whether a task, `task@alias` or model is among them. A name that ends in `*` stands for all
    /// that begin so; the name of a task stands for its aliases.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        let covers = |it: &String| match it.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => it == name || name.strip_prefix(it).is_some_and(|rest| rest.starts_with('@')),
        };
        self.0.is_empty() || self.0.iter().any(covers)
    }

    fn check(&self) -> Result<(), LedgerError> {
        crate::error::within("the list of what may be used", self.0.len(), ALLOWED_MAX)?;
        for name in &self.0 {
            if name.is_empty() {
                let why = "a name of what may be used is empty; `*` stands for everything";
                return Err(LedgerError::Invalid { what: "an empty name", why: why.to_owned() });
            }
            crate::error::within("a name of what may be used", name.len(), ALLOWED_BYTES_MAX)?;
        }
        Ok(())
    }
}

/// Words for reports, such as `cost-centre` = `4711`.
pub type Tags = BTreeMap<String, String>;

/// Refuses lists that no adapter keeps.
pub(crate) fn check_lists(allowed: &Allowed, tags: &Tags) -> Result<(), LedgerError> {
    allowed.check()?;
    crate::error::within("the list of tags", tags.len(), TAGS_MAX)?;
    for (name, value) in tags {
        crate::error::within("a tag", name.len().max(value.len()), TAG_BYTES_MAX)?;
    }
    Ok(())
}

/// An organisation, a team or a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Never a key.
    pub party: Party,
    /// Whom it belongs to: a higher level.
    pub parent: Option<Party>,
    pub allowed: Allowed,
    pub tags: Tags,
    pub created_at: Timestamp,
    /// From then on no key below it opens the door.
    pub closed_at: Option<Timestamp>,
}

impl Account {
    /// Refuses what no adapter keeps.
    ///
    /// # Errors
    /// When it is a key, its parent is not above it, or a list is too long.
    pub fn check(&self) -> Result<(), LedgerError> {
        if self.party.level == Level::Key {
            let why = "a key is no account; accounts are organisations, teams and users";
            return Err(LedgerError::Invalid { what: "an account", why: why.to_owned() });
        }
        check_owner(self.party.level, self.parent.as_ref())?;
        check_lists(&self.allowed, &self.tags)
    }
}

/// Refuses an owner that does not stand above.
pub(crate) fn check_owner(level: Level, owner: Option<&Party>) -> Result<(), LedgerError> {
    match owner {
        Some(owner) if owner.level <= level => Err(LedgerError::Invalid {
            what: "the owner",
            why: format!("`{owner}` does not stand above a {level}"),
        }),
        _ => Ok(()),
    }
}

/// What is to be changed; none leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// `Some(None)` makes it belong to nobody.
    pub parent: Option<Option<Party>>,
    pub allowed: Option<Allowed>,
    pub tags: Option<Tags>,
}

/// Which organisations, teams and users there are.
#[async_trait]
pub trait AccountRepository: Send + Sync + fmt::Debug {
    /// Adds one; the audit log says who made it.
    ///
    /// # Errors
    /// `Conflict` when the name is taken, also by one that was closed; `Missing` when its parent is
    /// not there.
    async fn add_account(&self, account: &Account, by: &str) -> Result<(), LedgerError>;

    /// Changes one; the audit log says who changed it.
    ///
    /// # Errors
    /// `Missing` when it or its new parent is not there.
    async fn change_account(
        &self,
        party: &Party,
        change: &AccountChange,
        by: &str,
        at: Timestamp,
    ) -> Result<Account, LedgerError>;

    /// Refuses every key below it from now on; the first time counts.
    ///
    /// # Errors
    /// `Missing` when there is none.
    async fn close_account(
        &self,
        party: &Party,
        by: &str,
        at: Timestamp,
    ) -> Result<Account, LedgerError>;

    /// Every account, organisations first, then by name.
    async fn accounts(&self) -> Result<Vec<Account>, LedgerError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(allowed: &[&str], name: &str, expected: bool) {
        let allowed = Allowed(allowed.iter().map(ToString::to_string).collect());
        assert_eq!(allowed.covers(name), expected, "{allowed:?} {name}");
    }

    #[test]
    fn a_list_covers_names_their_aliases_and_beginnings() {
        check(&[], "anything", true);
        check(&["tickets"], "tickets", true);
        check(&["tickets"], "tickets@micro", true);
        check(&["tickets"], "tickets-2", false);
        check(&["tickets@micro"], "tickets", false);
        check(&["own-*", "gpt-4o"], "own-small", true);
        check(&["own-*", "gpt-4o"], "gpt-4o-mini", false);
        check(&["*"], "anything", true);
    }

    #[test]
    fn a_party_is_written_as_it_is_read() {
        for text in ["organisation/acme", "team/support", "user/ada", "key/ci"] {
            assert_eq!(Party::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "team", "team/", "teams/x", "team/A B", "/x"] {
            assert!(Party::parse(text).unwrap_err().to_string().contains("team/support"), "{text}");
        }
    }

    #[test]
    fn an_owner_stands_above() {
        let party = |text| Party::parse(text).unwrap();
        assert!(check_owner(Level::Key, Some(&party("user/ada"))).is_ok());
        assert!(check_owner(Level::User, Some(&party("organisation/acme"))).is_ok());
        assert!(check_owner(Level::Team, None).is_ok());
        for (level, owner) in
            [(Level::Key, "key/ci"), (Level::Team, "team/a"), (Level::Organisation, "team/a")]
        {
            let error = check_owner(level, Some(&party(owner))).unwrap_err();
            assert!(error.to_string().contains(owner), "{error}");
        }
    }
}
