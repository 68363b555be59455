//! API keys, known only by their hash.
//!
//! A secret is 256 random bits shown once to the person who asked for it. The ledger keeps its
//! SHA-256: slow hashes (argon2, bcrypt) protect secrets that people choose and others can guess,
//! and nobody can guess 256 random bits, while a slow hash on every request would be a way to
//! exhaust the server. A lookup compares hashes in an index; its timing tells nothing about a
//! secret, because an attacker cannot choose the bytes of the hash.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::name::Name;
use freehold_vocabulary::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::{Level, PartyName};
use crate::{Allowed, Grant, LedgerError, Party, Tags};

/// Marks names of keys.
#[derive(Debug)]
pub enum OfKey {}

/// What people call a key; also the caller's name in traces.
pub type KeyName = Name<OfKey>;

/// Longest prefix that is shown to people: enough to recognise a key, far too little to use it.
pub const PREFIX_BYTES_MAX: usize = 16;

/// What a key is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Asks tasks and models, and reads metrics.
    #[default]
    Member,
    /// Reads metrics and the list of models; asks nothing.
    Monitor,
    /// All of it, and the routes below `/admin`.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Member, Self::Monitor, Self::Admin];

    /// The word used in rows, on the command line and in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Monitor => "monitor",
            Self::Admin => "admin",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// One API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub name: KeyName,
    /// A user, a team or an organisation.
    pub owner: Option<Party>,
    pub role: Role,
    pub allowed: Allowed,
    pub tags: Tags,
    /// SHA-256 of the secret as it is presented by the client.
    pub hash: Digest,
    /// The first characters of the secret, so that people can tell keys apart.
    pub prefix: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl Key {
    /// A key that belongs to nobody and may ask everything.
    #[must_use]
    pub fn new(name: KeyName, hash: Digest, prefix: &str, created_at: Timestamp) -> Self {
        Self {
            name,
            hash,
            owner: None,
            role: Role::Member,
            allowed: Allowed::default(),
            tags: Tags::new(),
            prefix: prefix.to_owned(),
            created_at,
            expires_at: None,
            revoked_at: None,
        }
    }

    /// The key as the subject of a limit.
    #[must_use]
    pub fn party(&self) -> Party {
        let name = PartyName::parse(self.name.as_str()).expect("both are names");
        Party::new(Level::Key, name)
    }

    /// Whether the key opens the door at that instant.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        let revoked = self.revoked_at.is_some_and(|at| at <= now);
        let expired = self.expires_at.is_some_and(|at| at <= now);
        !revoked && !expired
    }

    /// Refuses what no adapter keeps.
    ///
    /// # Errors
    /// When the prefix would show too much of the secret, or a list is too long.
    pub fn check(&self) -> Result<(), LedgerError> {
        crate::account::check_owner(Level::Key, self.owner.as_ref())?;
        crate::account::check_lists(&self.allowed, &self.tags)?;
        crate::error::within("the prefix of a key", self.prefix.len(), PREFIX_BYTES_MAX)
    }
}

/// What is to be changed of a key; none leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// `Some(None)` makes it belong to nobody.
    pub owner: Option<Option<Party>>,
    pub role: Option<Role>,
    pub allowed: Option<Allowed>,
    pub tags: Option<Tags>,
    /// `Some(None)` lets it last.
    pub expires_at: Option<Option<Timestamp>>,
    /// A new secret in place of the old one: its hash and prefix.
    pub secret: Option<(Digest, String)>,
}

/// Which keys there are.
#[async_trait]
pub trait KeyRepository: Send + Sync + fmt::Debug {
    /// Adds a key; the audit log says who made it.
    ///
    /// # Errors
    /// `Conflict` when the name (even of a revoked key) or the hash is taken; `Missing` when its
    /// owner is not there.
    async fn add_key(&self, key: &Key, by: &str) -> Result<(), LedgerError>;

    /// The key whose secret has this hash, valid or not: ask [`Key::is_valid_at`].
    async fn find_key(&self, hash: &Digest) -> Result<Option<Key>, LedgerError>;

    /// The same with everyone above it and their limits: ask [`Grant::is_valid_at`].
    async fn find_grant(&self, hash: &Digest) -> Result<Option<Grant>, LedgerError>;

    /// Changes a key; the audit log says who changed it. The old secret ends with a new one.
    ///
    /// # Errors
    /// `Missing` when there is no such key or owner; `Conflict` when it is revoked, or the new
    /// secret is another key's.
    async fn change_key(
        &self,
        name: &KeyName,
        change: &KeyChange,
        by: &str,
        at: Timestamp,
    ) -> Result<Key, LedgerError>;

    /// Every key, in the order of the names.
    async fn keys(&self) -> Result<Vec<Key>, LedgerError>;

    /// Ends a key for good; the first revocation counts, and only one that changes something is in
    /// the audit log.
    ///
    /// # Errors
    /// `Missing` when there is no such key.
    async fn revoke_key(&self, name: &KeyName, by: &str, at: Timestamp)
    -> Result<Key, LedgerError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expires: Option<i64>, revoked: Option<i64>, now: i64, valid: bool) {
        let start = Timestamp::from_micros(0);
        let name = KeyName::parse("ci").unwrap();
        let mut key = Key::new(name, Digest::of("secret"), "fh_abc", start);
        key.expires_at = expires.map(Timestamp::from_micros);
        key.revoked_at = revoked.map(Timestamp::from_micros);
        assert_eq!(key.is_valid_at(Timestamp::from_micros(now)), valid);
    }

    #[test]
    fn a_key_ends_at_the_instant_of_its_expiry_or_revocation() {
        check(None, None, 9, true);
        check(Some(10), None, 9, true);
        check(Some(10), None, 10, false);
        check(None, Some(5), 5, false);
        check(None, Some(5), 4, true);
    }
}
