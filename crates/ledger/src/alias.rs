//! Aliases: movable names for versions, as an append-only history of moves.
//!
//! The current target is the last move; nothing is ever overwritten, so who moved what, when, why
//! and on which gate result can always be read back.

use std::fmt;

use async_trait::async_trait;
use freehold_vocabulary::{AliasName, Digest, TaskName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{REMARK_BYTES_MAX, within};
use crate::{LedgerError, Sequence};

/// Largest gate result that is kept beside a move, in bytes of JSON.
const GATE_BYTES_MAX: usize = 256 * 1024;

/// One move: from then on `task@alias` meant `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AliasMove {
    pub sequence: Sequence,
    pub task: TaskName,
    pub alias: AliasName,
    /// None takes the alias out of service.
    pub to: Option<Digest>,
    pub at: Timestamp,
    pub by: String,
    pub why: String,
    /// What the gate said: the evidence of a promotion, or that it was overruled.
    pub gate: serde_json::Value,
}

/// A move that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct AliasRequest {
    pub task: TaskName,
    pub alias: AliasName,
    pub to: Option<Digest>,
    /// What the alias must mean now for the move to be right.
    pub expected: Expected,
    pub at: Timestamp,
    pub by: String,
    pub why: String,
    pub gate: serde_json::Value,
}

/// The state on which a decision to move was based: a gate that compared with the champion must
/// not replace a champion it has never seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    Anything,
    /// Exactly this target; none also covers an alias that never moved.
    Target(Option<Digest>),
}

/// Where aliases point, and have pointed.
#[async_trait]
pub trait AliasRepository: Send + Sync + fmt::Debug {
    /// Appends a move.
    ///
    /// # Errors
    /// `Conflict` when the alias does not mean what the request expects; `Invalid` when a text is
    /// beyond its limit.
    async fn move_alias(&self, request: &AliasRequest) -> Result<AliasMove, LedgerError>;

    /// The last move of an alias.
    async fn current_alias(
        &self,
        task: &TaskName,
        alias: &AliasName,
    ) -> Result<Option<AliasMove>, LedgerError>;

    /// Every move of an alias, oldest first.
    async fn alias_history(
        &self,
        task: &TaskName,
        alias: &AliasName,
    ) -> Result<Vec<AliasMove>, LedgerError>;

    /// The last move of every alias, in the order of task and alias.
    async fn current_aliases(&self) -> Result<Vec<AliasMove>, LedgerError>;

    /// The sequence of the last move of any alias: a server that remembers it sees with one cheap
    /// question whether anything moved.
    async fn alias_sequence(&self) -> Result<Sequence, LedgerError>;
}

impl AliasRequest {
    /// Refuses what no adapter keeps.
    ///
    /// # Errors
    /// When who, why or the gate result is too long.
    pub fn check(&self) -> Result<(), LedgerError> {
        within("the name of who moves an alias", self.by.len(), REMARK_BYTES_MAX)?;
        within("the reason of a move", self.why.len(), REMARK_BYTES_MAX)?;
        within("the gate result of a move", self.gate.to_string().len(), GATE_BYTES_MAX)
    }
}

/// Where a rollback goes: the target before the current one, none when there is none.
///
/// `history` is oldest first. A move back to the target before is an undo, so rolling back twice
/// goes back two versions instead of returning to the one just left.
#[must_use]
pub fn previous_target(history: &[AliasMove]) -> Option<Digest> {
    let mut stack: Vec<&Digest> = Vec::new();
    for target in history.iter().filter_map(|step| step.to.as_ref()) {
        let before = stack.len().checked_sub(2).map(|index| stack[index]);
        if before == Some(target) {
            stack.pop();
        } else if stack.last() != Some(&target) {
            stack.push(target);
        }
    }
    let in_service = history.last().is_some_and(|step| step.to.is_some());
    // Out of service, the target before is the one that was switched off.
    let depth = if in_service { 2 } else { 1 };
    stack.len().checked_sub(depth).map(|index| stack[index].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(targets: &str, expected: Option<char>) {
        let digest = |letter: char| Digest::of(letter.to_string());
        let history: Vec<AliasMove> = (1..)
            .zip(targets.chars())
            .map(|(sequence, letter)| AliasMove {
                sequence: Sequence(sequence),
                task: TaskName::parse("tickets").unwrap(),
                alias: AliasName::parse("champion").unwrap(),
                to: (letter != '-').then(|| digest(letter)),
                at: Timestamp::from_micros(sequence),
                by: "ada".into(),
                why: "better".into(),
                gate: serde_json::Value::Null,
            })
            .collect();
        assert_eq!(previous_target(&history), expected.map(digest), "{targets}");
    }

    #[test]
    fn a_rollback_goes_one_version_further_back_each_time() {
        check("", None);
        check("a", None);
        check("ab", Some('a'));
        check("abc", Some('b'));
        check("abcb", Some('a'));
        check("abcba", None);
    }

    #[test]
    fn promoting_again_after_a_rollback_starts_from_there() {
        check("abad", Some('a'));
        check("abab", Some('a'));
        check("aab", Some('a'));
        check("abb", Some('a'));
    }

    #[test]
    fn an_alias_out_of_service_returns_to_what_was_switched_off() {
        check("ab-", Some('b'));
        check("-", None);
        check("a-b", Some('a'));
    }
}
