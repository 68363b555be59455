//! What callers leave with the server and fetch again: files, batches, stored responses.
//!
//! Content, so it is kept no longer than it has to be; the facts about tasks, models and keys are
//! in the ledger. Methods block: a server calls them where blocking is allowed.

use std::fmt;

/// A kind of object, each in a place of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    /// What is asked of a batch, and how far it is.
    Batches,
    /// Which batches shall stop.
    Cancellations,
    /// The bytes of files.
    Contents,
    /// What is known of files.
    Files,
    /// Answers that a caller may refer to.
    Responses,
}

impl Shelf {
    pub const ALL: [Self; 5] =
        [Self::Batches, Self::Cancellations, Self::Contents, Self::Files, Self::Responses];

    /// The word in paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batches => "batches",
            Self::Cancellations => "cancellations",
            Self::Contents => "contents",
            Self::Files => "files",
            Self::Responses => "responses",
        }
    }
}

/// Where one object is. Invariant: owner and name are 1 to 80 of `A-Z a-z 0-9 - _ .` and begin
/// with a letter or a digit, so that they are safe in paths. The owner is part of the place, so
/// that no caller can name another's object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DepotPlace {
    shelf: Shelf,
    owner: String,
    name: String,
}

impl DepotPlace {
    /// Checks; none when owner or name cannot be those of an object.
    #[must_use]
    pub fn new(shelf: Shelf, owner: &str, name: &str) -> Option<Self> {
        let valid = is_safe(owner) && is_safe(name);
        valid.then(|| Self { shelf, owner: owner.to_owned(), name: name.to_owned() })
    }

    /// The kind.
    #[must_use]
    pub const fn shelf(&self) -> Shelf {
        self.shelf
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Whether a text can stand in a path as it is.
#[must_use]
pub fn is_safe(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=80).contains(&text.len())
        && text.bytes().all(allowed)
        && text.as_bytes()[0].is_ascii_alphanumeric()
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelved {
    pub name: String,
    pub bytes: u64,
}

/// The right to be the only one who changes an object; ends with the value, and with the process.
pub type DepotLock = Box<dyn fmt::Debug + Send + Sync>;

/// Why the depot did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DepotError {
    #[error("the disk is full: {0}")]
    Full(String),
    #[error("{0}")]
    Broken(String),
}

/// Keeps objects. When a writing method returns `Ok`, the change survives a crash of the process
/// and of the machine; after a crash in the middle of [`Depot::put`] the old object is there, and
/// after one in the middle of [`Depot::write_at`] any part of the new bytes may be.
pub trait Depot: Send + Sync + fmt::Debug {
    /// Writes an object as a whole, in the place of what was there.
    fn put(&self, place: &DepotPlace, bytes: &[u8]) -> Result<(), DepotError>;
    /// Writes from an offset on, making the object where needed; nothing stays behind it.
    fn write_at(&self, place: &DepotPlace, offset: u64, bytes: &[u8]) -> Result<(), DepotError>;
    /// At most so many bytes from an offset on, fewer only at the end; none if there is no object.
    fn read_at(
        &self,
        place: &DepotPlace,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, DepotError>;
    /// How long an object is; none if there is no object.
    fn length(&self, place: &DepotPlace) -> Result<Option<u64>, DepotError>;
    /// Removes an object; says whether there was one.
    fn remove(&self, place: &DepotPlace) -> Result<bool, DepotError>;
    /// Takes the lock of an object, which need not be there; none if somebody holds it, in this
    /// process or another. Nothing else here looks at locks.
    fn lock(&self, place: &DepotPlace) -> Result<Option<DepotLock>, DepotError>;
    /// All objects of an owner, by name.
    fn list(&self, shelf: Shelf, owner: &str) -> Result<Vec<Shelved>, DepotError>;
    /// Everybody who has, or had, objects of a kind.
    fn owners(&self, shelf: Shelf) -> Result<Vec<String>, DepotError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_stays_in_its_folder() {
        for good in ["local", "file-00Ab", "a.b"] {
            assert!(DepotPlace::new(Shelf::Files, good, good).is_some(), "{good}");
        }
        for bad in ["", ".", "..", "../a", "a/b", "a\\b", "é", "-a", "a b", &"a".repeat(81)] {
            assert!(DepotPlace::new(Shelf::Files, "a", bad).is_none(), "{bad}");
            assert!(DepotPlace::new(Shelf::Files, bad, "a").is_none(), "{bad}");
        }
    }
}
