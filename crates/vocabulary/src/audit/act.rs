//! What can be done that the audit log must know.
//!
//! Optional fields are left out when they are empty, so that a field added by a later release
//! does not change how earlier records read.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::egress::{Denied, EgressRecord, EngineClearance, Region};
use crate::name::Name;
use crate::{DataClass, Digest, EngineName, TaskName, Timestamp, TraceId};

/// Marks words of audit records.
#[derive(Debug)]
pub enum OfAudit {}

/// A kind of identifier that was replaced, such as `email`. A name by type, so that no text of a
/// request can stand in its place.
pub type Word = Name<OfAudit>;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", content = "detail", rename_all = "snake_case")]
pub enum Act {
    /// A request was let through to a remote engine, or was not.
    Egress(Egress),
    /// An alias was pointed at a version, or taken out of service.
    AliasMoved(AliasMoved),
    /// An API key was made.
    KeyCreated(KeyCreated),
    /// An API key may do something else than before, or has another secret.
    KeyChanged(FieldsChanged),
    /// An API key was ended.
    KeyRevoked(KeyRevoked),
    /// An organisation, team or user was made, changed or closed.
    AccountChanged(FieldsChanged),
    /// A person said what would have been right.
    ReviewSettled(ReviewSettled),
    /// A process began to work with a configuration.
    ConfigurationLoaded(ConfigurationLoaded),
    /// The rules about who may see which data were changed.
    PolicyChanged(Changed),
    /// A limit of cost or use was set, changed or lifted.
    BudgetChanged(LimitChanged),
    /// Something was copied out of the house's own stores.
    Exported(Exported),
}

/// An egress decision, made before a single byte was sent. Its words are those of the operator's
/// configuration; nothing in it comes from the request but sizes and counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    pub decision: Decision,
    /// The trace of the request.
    pub trace: TraceId,
    /// None for a request that names no task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskName>,
    pub data_class: DataClass,
    pub engine: EngineName,
    /// What the engine may see at most.
    pub clearance: DataClass,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The rule that decided.
    pub rule: String,
    /// Size of the body that was to be sent.
    pub bytes: u64,
    /// Its size in tokens, where a tokenizer of the engine is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// How many identifiers of each kind detectors found in the request as it came; 0 where one
    /// only stands inside another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<Word, u64>,
    /// How many identifiers of each kind were replaced before sending.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<Word, u64>,
}

/// How much was to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sending {
    pub bytes: u64,
    pub tokens: Option<u64>,
}

impl Egress {
    /// What the policy let through.
    #[must_use]
    pub fn allowed(record: &EgressRecord, trace: TraceId, sending: Sending) -> Self {
        let rule = record.rule.clone();
        Self::decided(Decision::Allowed, record.class, &record.engine, rule, trace, sending)
    }

    /// What the policy held back from this engine.
    #[must_use]
    pub fn denied(
        denied: &Denied,
        engine: &EngineClearance,
        trace: TraceId,
        sending: Sending,
    ) -> Self {
        let rule = denied.rule.clone();
        Self::decided(Decision::Denied, denied.class, engine, rule, trace, sending)
    }

    /// The same for a request that names its task.
    #[must_use]
    pub fn of_task(self, task: TaskName) -> Self {
        Self { task: Some(task), ..self }
    }

    /// The same with what detectors found.
    #[must_use]
    pub fn with_found(self, found: BTreeMap<Word, u64>) -> Self {
        Self { found, ..self }
    }

    /// The same with what was replaced before sending.
    #[must_use]
    pub fn with_redacted(self, redacted: BTreeMap<Word, u64>) -> Self {
        Self { redacted, ..self }
    }

    fn decided(
        decision: Decision,
        data_class: DataClass,
        engine: &EngineClearance,
        rule: String,
        trace: TraceId,
        sending: Sending,
    ) -> Self {
        Self {
            decision,
            trace,
            task: None,
            data_class,
            engine: engine.engine.clone(),
            clearance: engine.clearance,
            region: engine.region.clone(),
            owner: engine.owner.clone(),
            rule,
            bytes: sending.bytes,
            tokens: sending.tokens,
            found: BTreeMap::new(),
            redacted: BTreeMap::new(),
        }
    }
}

/// Whether a request may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    Allowed,
    Denied,
}

impl Decision {
    /// The word used in records and output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

/// The subject is `task@alias`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasMoved {
    /// The move in the history of the alias.
    pub entry: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// None takes the alias out of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Digest>,
    pub why: String,
    pub gate: GateSaid,
    /// The digest of the whole gate result as it stands in the history of the alias.
    pub gate_result: Digest,
}

/// What stood behind a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateSaid {
    /// The gate let it through.
    Passed,
    /// The gate refused, and a person overruled it.
    Overruled,
    /// Back to the version before; no gate is asked.
    Rollback,
    /// Moved without a gate, as candidates are.
    NotAsked,
}

impl GateSaid {
    /// Reads a gate result.
    #[must_use]
    pub fn of(gate: &serde_json::Value) -> Self {
        match (gate["rollback"].as_bool(), gate["passed"].as_bool()) {
            (Some(true), _) => Self::Rollback,
            (_, Some(true)) => Self::Passed,
            (_, Some(false)) => Self::Overruled,
            _ => Self::NotAsked,
        }
    }
}

/// The subject is the name of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCreated {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What it may do and who it belongs to, where that is not the default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// What a key or an account says from then on, where that is new. A long value is told by its
/// digest. The subject is the name of the key, or `team/support` and the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldsChanged {
    pub fields: BTreeMap<String, String>,
}

/// Longest value that is written out, in bytes.
const VALUE_BYTES_MAX: usize = 1024;

/// A value as a record holds it.
#[must_use]
pub fn told(value: String) -> String {
    if value.len() <= VALUE_BYTES_MAX { value } else { Digest::of(value).to_string() }
}

/// The subject is who is limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitChanged {
    /// What is limited in which window, such as `tokens per day`.
    pub limit: String,
    /// An amount with its unit; none where there was no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub why: String,
}

/// The subject is the name of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoked {}

/// The subject is the trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewSettled {
    pub task: TaskName,
    /// The judgement in the review queue.
    pub settlement: u64,
    /// The digest of the labels as they stand there.
    pub labels: Digest,
}

/// The subject is the name of the portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationLoaded {
    pub digest: Digest,
    /// What was in force before; none at the start of a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
}

/// The subject is what was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Digest>,
    pub why: String,
}

/// The subject is what was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    pub rows: u64,
    /// The digest of what was written.
    pub digest: Digest,
}

/// The kinds of acts, without their details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    Egress,
    AliasMoved,
    KeyCreated,
    KeyChanged,
    KeyRevoked,
    AccountChanged,
    ReviewSettled,
    ConfigurationLoaded,
    PolicyChanged,
    BudgetChanged,
    Exported,
}

impl ActKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Egress,
        Self::AliasMoved,
        Self::KeyCreated,
        Self::KeyChanged,
        Self::KeyRevoked,
        Self::AccountChanged,
        Self::ReviewSettled,
        Self::ConfigurationLoaded,
        Self::PolicyChanged,
        Self::BudgetChanged,
        Self::Exported,
    ];

    /// The word used in records, in the command line and in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::AliasMoved => "alias_moved",
            Self::KeyCreated => "key_created",
            Self::KeyChanged => "key_changed",
            Self::KeyRevoked => "key_revoked",
            Self::AccountChanged => "account_changed",
            Self::ReviewSettled => "review_settled",
            Self::ConfigurationLoaded => "configuration_loaded",
            Self::PolicyChanged => "policy_changed",
            Self::BudgetChanged => "budget_changed",
            Self::Exported => "exported",
        }
    }
}

impl fmt::Display for ActKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text names no kind of act.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a kind of act; there are {1}")]
pub struct UnknownKind(String, String);

impl FromStr for ActKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            UnknownKind(text.chars().take(80).collect(), known)
        })
    }
}

impl Act {
    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> ActKind {
        match self {
            Self::Egress(_) => ActKind::Egress,
            Self::AliasMoved(_) => ActKind::AliasMoved,
            Self::KeyCreated(_) => ActKind::KeyCreated,
            Self::KeyChanged(_) => ActKind::KeyChanged,
            Self::KeyRevoked(_) => ActKind::KeyRevoked,
            Self::AccountChanged(_) => ActKind::AccountChanged,
            Self::ReviewSettled(_) => ActKind::ReviewSettled,
            Self::ConfigurationLoaded(_) => ActKind::ConfigurationLoaded,
            Self::PolicyChanged(_) => ActKind::PolicyChanged,
            Self::BudgetChanged(_) => ActKind::BudgetChanged,
            Self::Exported(_) => ActKind::Exported,
        }
    }

    /// Why it was done, where a person says so.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::AliasMoved(moved) => Some(&moved.why),
            Self::PolicyChanged(changed) => Some(&changed.why),
            Self::BudgetChanged(changed) => Some(&changed.why),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_word_of_a_kind_is_the_word_in_the_record() {
        let digest = Digest::of("");
        let changed = Changed { from: None, to: Some(digest.clone()), why: String::new() };
        let fields = BTreeMap::from([("role".to_owned(), "admin".to_owned())]);
        let fields = FieldsChanged { fields };
        let why = "spring".to_owned();
        let (from, to) = (None, Some("5 tokens".to_owned()));
        let limit = LimitChanged { limit: "tokens per day".to_owned(), from, to, why };
        let acts = [
            Act::KeyCreated(KeyCreated { expires_at: None, fields: BTreeMap::new() }),
            Act::KeyChanged(fields.clone()),
            Act::KeyRevoked(KeyRevoked {}),
            Act::AccountChanged(fields),
            Act::PolicyChanged(changed),
            Act::BudgetChanged(limit),
            Act::ConfigurationLoaded(ConfigurationLoaded {
                digest: digest.clone(),
                previous: None,
            }),
            Act::Exported(Exported { rows: 1, digest }),
        ];
        for act in acts {
            let value = serde_json::to_value(&act).unwrap();
            assert_eq!(value["act"], act.kind().as_str());
            assert_eq!(serde_json::from_value::<Act>(value).unwrap(), act);
        }
        for kind in ActKind::ALL {
            assert_eq!(kind.as_str().parse::<ActKind>().unwrap(), kind);
        }
        assert!("egres".parse::<ActKind>().unwrap_err().to_string().contains("alias_moved"));
    }

    #[test]
    fn what_the_gate_said_is_read_from_its_result() {
        assert_eq!(GateSaid::of(&json!({"passed": true})), GateSaid::Passed);
        assert_eq!(GateSaid::of(&json!({"passed": false})), GateSaid::Overruled);
        assert_eq!(GateSaid::of(&json!({"rollback": true})), GateSaid::Rollback);
        assert_eq!(GateSaid::of(&json!(null)), GateSaid::NotAsked);
    }
}
