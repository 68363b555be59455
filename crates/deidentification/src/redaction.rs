//! Takes identifiers out of text, and puts them back where that was meant to be possible.
//!
//! ```text
//! text ─ detector ─▶ findings ─ resolve ─▶ spans apart from each other ─ operator ─▶ safe text
//! answer with placeholders ─ restore ─▶ answer
//! ```
//!
//! Pure: no IO, no clock, no randomness. Values found are kept only inside a [`Redactor`], are
//! never logged, and are not shown by `Debug`.

use std::collections::BTreeMap;

use crate::error::DeidentificationError;
use crate::recognisers::Kind;

mod json;
mod key;
mod operators;
mod overlap;
mod placeholders;
mod redactor;
mod restoring;
pub(crate) mod seams;

pub use key::Key;
pub use operators::{DateOrder, OPERATORS, Operator, decrypt};
pub use overlap::resolve;
pub use redactor::{Redactor, Tally};
pub use restoring::{Escape, Restoring};

/// Which operator each kind meets.
#[derive(Debug, Clone)]
pub struct Policy {
    default: &'static Operator,
    by_kind: BTreeMap<Kind, &'static Operator>,
    /// How `3/4/2020` is read.
    pub dates: DateOrder,
}

impl Default for Policy {
    /// Everything becomes a placeholder.
    fn default() -> Self {
        Self { default: &operators::REPLACE, by_kind: BTreeMap::new(), dates: DateOrder::default() }
    }
}

impl Policy {
    /// Reads entries `KIND=operator`; `*=operator` stands for every other kind.
    ///
    /// # Errors
    /// When an entry has no such form, or names an unknown kind or operator.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, DeidentificationError> {
        let mut policy = Self::default();
        for entry in entries.iter().map(AsRef::as_ref) {
            let refuse =
                |reason: String| DeidentificationError::Request(format!("`{entry}`: {reason}"));
            let (kind, operator) = entry.split_once('=').ok_or_else(|| {
                refuse("write KIND=operator, such as EMAIL=hash or *=mask".to_owned())
            })?;
            let operator = Operator::find(operator.trim()).ok_or_else(|| {
                let names: Vec<&str> = OPERATORS.iter().map(|it| it.name).collect();
                refuse(format!("there is no operator `{operator}`; there are {}", names.join(", ")))
            })?;
            match kind.trim() {
                "*" => policy.default = operator,
                name => {
                    let kind = Kind::parse(name).ok_or_else(|| refuse(unknown_kind(name)))?;
                    policy.by_kind.insert(kind, operator);
                }
            }
        }
        Ok(policy)
    }

    /// The operator for a kind.
    #[must_use]
    pub fn operator(&self, kind: Kind) -> &'static Operator {
        if kind == Kind::LITERAL {
            // Only a placeholder can protect what looks like one.
            return &operators::REPLACE;
        }
        self.by_kind.get(&kind).copied().unwrap_or(self.default)
    }

    /// An operator that cannot work without a key, if there is one.
    #[must_use]
    pub fn keyed(&self) -> Option<&'static Operator> {
        let all = std::iter::once(&self.default).chain(self.by_kind.values());
        all.copied().find(|it| it.keyed)
    }
}

fn unknown_kind(name: &str) -> String {
    let names: Vec<&str> = Kind::all().into_iter().map(Kind::as_str).collect();
    format!("there is no kind `{name}`; there are {}", names.join(", "))
}
