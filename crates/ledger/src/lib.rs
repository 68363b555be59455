//! The relational truth as repository traits: who named what, when and why.
//!
//! One file per aggregate, each with its rows and one small object-safe trait; [`Ledger`] is all
//! of them together. Every method is one transaction: when it returns `Ok`, the change survives a
//! crash of the process and of the machine; when it returns `Err`, nothing has changed. A lookup
//! that finds nothing is `Ok(None)`, not an error.
//!
//! Nothing here does IO, reads a clock or keeps content: content lives in the artifact store under
//! its digest, and the ledger only points at it. Adapters (`ledger-sql`) mirror this tree file for
//! file.

pub mod account;
pub mod alias;
pub mod audit;
pub mod budget;
pub mod dataset;
pub mod error;
pub mod evaluation;
pub mod feedback;
pub mod grant;
pub mod key;
pub mod page;
pub mod review;
pub mod run;
pub mod version;

pub use account::{
    Account, AccountChange, AccountRepository, Allowed, Level, Party, PartyName, Tags,
};
pub use alias::{AliasMove, AliasRepository, AliasRequest, Expected, previous_target};
pub use audit::AuditRepository;
pub use budget::{
    BudgetRepository, Cap, CapRequest, CapState, Exchanged, Holder, Measure, Refusal, Share, Span,
    Want, Window,
};
pub use dataset::{DatasetRepository, NamedDataset};
pub use error::{BoxError, LedgerError};
pub use evaluation::{EvaluationRepository, EvaluationRow};
pub use feedback::{FeedbackRepository, FeedbackRow};
pub use grant::Grant;
pub use key::{Key, KeyChange, KeyName, KeyRepository, Role};
pub use page::{Limit, Sequence, Written};
pub use review::{ReviewItem, ReviewRepository, ReviewStatus, Settlement};
pub use run::{Run, RunEnd, RunEnding, RunId, RunKind, RunRepository, RunStart, RunStatus};
pub use version::{VersionRepository, VersionRow};

/// Everything that the ledger knows, behind one object: `Arc<dyn Ledger>`.
pub trait Ledger:
    AccountRepository
    + AliasRepository
    + AuditRepository
    + BudgetRepository
    + DatasetRepository
    + EvaluationRepository
    + FeedbackRepository
    + KeyRepository
    + ReviewRepository
    + RunRepository
    + VersionRepository
{
}

impl<T> Ledger for T where
    T: AccountRepository
        + AliasRepository
        + AuditRepository
        + BudgetRepository
        + DatasetRepository
        + EvaluationRepository
        + FeedbackRepository
        + KeyRepository
        + ReviewRepository
        + RunRepository
        + VersionRepository
{
}
