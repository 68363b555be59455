//! What a key may do, from all levels together: read once, and trusted for a few seconds.

use std::collections::HashSet;

use freehold_vocabulary::Timestamp;

use crate::{Account, Cap, Key, Tags};

/// A key with everyone above it and every limit that it is counted at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub key: Key,
    /// The user, team and organisation above the key, nearest first.
    pub accounts: Vec<Account>,
    pub caps: Vec<Cap>,
}

impl Grant {
    /// Whether the key opens the door at that instant: neither it nor anyone above it has ended.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        let open = |it: &Account| it.closed_at.is_none_or(|at| now < at);
        self.key.is_valid_at(now) && self.accounts.iter().all(open)
    }

    /// Whether a task, `task@alias` or model may be used: every level must agree.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        let lists = self.accounts.iter().map(|it| &it.allowed);
        lists.chain([&self.key.allowed]).all(|it| it.covers(name))
    }

    /// The names in the lists of all levels, for messages.
    #[must_use]
    pub fn allowed(&self) -> Vec<String> {
        let lists =
            [&self.key.allowed].into_iter().chain(self.accounts.iter().map(|it| &it.allowed));
        let mut seen = HashSet::new();
        let names = lists.flat_map(|it| &it.0).filter(|it| seen.insert(it.as_str()));
        names.cloned().collect()
    }

    /// Tags of all levels; the nearest counts.
    #[must_use]
    pub fn tags(&self) -> Tags {
        let mut tags = Tags::new();
        for level in self.accounts.iter().rev().map(|it| &it.tags).chain([&self.key.tags]) {
            tags.extend(level.clone());
        }
        tags
    }
}
