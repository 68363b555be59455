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

use crate::LedgerError;

/// Marks names of keys.
#[derive(Debug)]
pub enum OfKey {}

/// What people call a key; also the caller's name in traces.
pub type KeyName = Name<OfKey>;

/// Longest prefix that is shown to people: enough to recognise a key, far too little to use it.
pub const PREFIX_BYTES_MAX: usize = 16;

/// One API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub name: KeyName,
    /// SHA-256 of the secret as it is presented by the client.
    pub hash: Digest,
    /// The first characters of the secret, so that people can tell keys apart.
    pub prefix: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl Key {
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
    /// When the prefix would show too much of the secret.
    pub fn check(&self) -> Result<(), LedgerError> {
        crate::error::within("the prefix of a key", self.prefix.len(), PREFIX_BYTES_MAX)
    }
}

/// Which keys there are.
#[async_trait]
pub trait KeyRepository: Send + Sync + fmt::Debug {
    /// Adds a key; the audit log says who made it.
    ///
    /// # Errors
    /// `Conflict` when the name (even of a revoked key) or the hash is taken.
    async fn add_key(&self, key: &Key, by: &str) -> Result<(), LedgerError>;

    /// The key whose secret has this hash, valid or not: ask [`Key::is_valid_at`].
    async fn find_key(&self, hash: &Digest) -> Result<Option<Key>, LedgerError>;

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
        let key = Key {
            name: KeyName::parse("ci").unwrap(),
            hash: Digest::of("secret"),
            prefix: "fh_abc".into(),
            created_at: Timestamp::from_micros(0),
            expires_at: expires.map(Timestamp::from_micros),
            revoked_at: revoked.map(Timestamp::from_micros),
        };
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
