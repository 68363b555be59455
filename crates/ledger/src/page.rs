//! How much of a list is asked for, and from where.

use serde::{Deserialize, Serialize};

/// A position in an append-only list: it grows with every entry and is never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub i64);

impl Sequence {
    /// Before the first entry.
    pub const START: Self = Self(0);
}

/// The most rows that one call may return. Invariant: from 1 to [`Limit::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// As many rows as one call ever returns.
    pub const MAX: Self = Self(10_000);
    /// A page for people.
    pub const PAGE: Self = Self(100);

    /// That many rows, brought into the range.
    #[must_use]
    pub const fn rows(rows: u32) -> Self {
        match rows {
            0 => Self(1),
            1..=10_000 => Self(rows),
            _ => Self::MAX,
        }
    }

    /// The number of rows.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Whether a repeatable call changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The row is new.
    New,
    /// The same statement was there before; nothing changed.
    AlreadyKnown,
}
