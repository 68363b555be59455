//! The audit log: what was decided, by whom, and what left the building.
//!
//! Every record is canonical JSON ([`mod@canonical`]); its hash covers the hash of the record before
//! it ([`chain`]), and all records are the leaves of one Merkle tree ([`merkle`]) whose root fits
//! into a text of three lines ([`checkpoint`]) that is kept elsewhere. So a change inside the log
//! shows by itself, and a log that was cut off or written anew shows against a checkpoint.
//!
//! A record never holds content: an egress decision is told in the operator's words, sizes and
//! counts, and what people decided is named by digest.

pub mod act;
pub mod canonical;
pub mod chain;
pub mod checkpoint;
pub mod hash;
pub mod merkle;
pub mod note;
pub mod proof;

use serde::{Deserialize, Serialize};

pub use act::{Act, ActKind, Decision, Egress, GateSaid, Sending, Word};
pub use canonical::{NotCanonical, canonical};
pub use chain::{Fault, FaultKind, StoredRecord, Verdict, Verifier, link};
pub use checkpoint::Checkpoint;
pub use hash::Hash;
pub use note::Note;
pub use proof::InclusionProof;

use crate::Timestamp;

/// Longest actor, subject or reason, in bytes.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Most kinds of identifiers that one egress record counts.
pub const REDACTED_KINDS_MAX: usize = 64;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// From 1, without gaps.
    pub sequence: u64,
    pub at: Timestamp,
    /// Who acted: the name of a key, of a person, or `local`.
    pub actor: String,
    /// What was acted upon: an alias, a key, an engine.
    pub subject: String,
    #[serde(flatten)]
    pub act: Act,
}

/// An entry that has no place in the log yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditDraft {
    pub at: Timestamp,
    pub actor: String,
    pub subject: String,
    pub act: Act,
}

/// An entry cannot enter the log.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDraft {
    #[error("the {what} of an audit record has {bytes} bytes, at most {TEXT_BYTES_MAX} are kept")]
    TooLong { what: &'static str, bytes: usize },
    #[error(
        "an egress record counts {0} kinds of identifiers, at most {REDACTED_KINDS_MAX} are kept"
    )]
    TooManyKinds(usize),
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

impl AuditDraft {
    /// Refuses what no ledger keeps.
    ///
    /// # Errors
    /// When a text or a list is too long, or a number is beyond what canonical JSON can hold.
    pub fn check(&self) -> Result<(), InvalidDraft> {
        let why = self.act.reason().unwrap_or_default();
        let texts = [("actor", &*self.actor), ("subject", &*self.subject), ("reason", why)];
        for (what, text) in texts {
            if text.len() > TEXT_BYTES_MAX {
                return Err(InvalidDraft::TooLong { what, bytes: text.len() });
            }
        }
        if let Act::Egress(egress) = &self.act {
            let owner = egress.owner.as_ref().map_or(0, String::len);
            for (what, bytes) in [("rule", egress.rule.len()), ("owner", owner)] {
                if bytes > TEXT_BYTES_MAX {
                    return Err(InvalidDraft::TooLong { what, bytes });
                }
            }
            if egress.redacted.len() > REDACTED_KINDS_MAX {
                return Err(InvalidDraft::TooManyKinds(egress.redacted.len()));
            }
        }
        self.clone().at_place(1).canonical().map(drop).map_err(Into::into)
    }

    /// The record with its place in the log.
    #[must_use]
    pub fn at_place(self, sequence: u64) -> AuditRecord {
        let Self { at, actor, subject, act } = self;
        AuditRecord { sequence, at, actor, subject, act }
    }
}

impl AuditRecord {
    /// The bytes that are hashed and kept.
    ///
    /// # Errors
    /// When a number is beyond what canonical JSON can hold.
    pub fn canonical(&self) -> Result<String, NotCanonical> {
        let value = serde_json::to_value(self).expect("a record has string keys");
        canonical(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::{EgressPolicy, EngineClearance, Place, Region};
    use crate::{DataClass, EngineName, TaskName, TraceId};

    fn word(text: &str) -> Word {
        Word::parse(text).unwrap()
    }

    fn egress() -> AuditDraft {
        let engine = EngineClearance {
            region: Some(Region::parse("us").unwrap()),
            place: Place::Remote,
            ..EngineClearance::here(EngineName::parse("openai").unwrap(), DataClass::Internal)
        };
        let denied = EgressPolicy::default().judge(DataClass::Restricted, &engine).unwrap_err();
        let trace = TraceId::new(Timestamp::from_micros(1_000_000), 7);
        let sending = Sending { bytes: 312, tokens: None };
        let act = Egress::denied(&denied, &engine, trace, sending)
            .of_task(TaskName::parse("tickets").unwrap())
            .with_redacted([(word("email"), 2)].into());
        AuditDraft {
            at: Timestamp::from_micros(1_000_001),
            actor: "ci".into(),
            subject: "openai".into(),
            act: Act::Egress(act),
        }
    }

    #[test]
    fn a_record_survives_its_canonical_form() {
        let record = egress().at_place(3);
        let text = record.canonical().unwrap();
        assert_eq!(
            text,
            r#"{"act":"egress","actor":"ci","at":"1970-01-01T00:00:01.000001Z","detail":{"bytes":312,"clearance":"internal","data_class":"restricted","decision":"denied","engine":"openai","redacted":{"email":2},"region":"us","rule":"clearance","task":"tickets","trace":"0000000Z8800000000000000007"},"sequence":3,"subject":"openai"}"#
                .replace("0000000Z8800000000000000007", &TraceId::new(Timestamp::from_micros(1_000_000), 7).to_string())
        );
        assert_eq!(serde_json::from_str::<AuditRecord>(&text).unwrap(), record);
    }

    #[test]
    fn what_is_beyond_a_limit_is_refused() {
        egress().check().unwrap();
        let mut long = egress();
        long.actor = "x".repeat(TEXT_BYTES_MAX + 1);
        assert!(long.check().unwrap_err().to_string().contains("actor"));
        let mut kinds = egress();
        let Act::Egress(it) = &mut kinds.act else { unreachable!() };
        it.redacted = (0..65).map(|number| (word(&format!("kind{number}")), 1)).collect();
        assert!(kinds.check().unwrap_err().to_string().contains("65 kinds"));
        let mut huge = egress();
        let Act::Egress(it) = &mut huge.act else { unreachable!() };
        it.bytes = u64::MAX;
        assert!(matches!(huge.check(), Err(InvalidDraft::NotCanonical(_))));
    }
}
