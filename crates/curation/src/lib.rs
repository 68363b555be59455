//! Examples become datasets: import, checks, duplicate groups, splits, immutable versions.
//!
//! ```text
//! files ─ import ─▶ Imported (report, findings) ─ split ─▶ Divided ─ write_version ─▶ Dataset
//! ```
//!
//! Rows stream through a spill file, so that memory grows with the number of rows and never
//! with their length. Every step is a function of its input and a [`Seed`]: the same files give
//! the same digest. Nothing here knows where versions are kept, who may read them, or what a
//! model is.
//!
//! Beside that, [`deidentify`] takes identifiers out of whole files, as `deidentification` finds
//! them.
//!
//! [`Seed`]: freehold_vocabulary::Seed

pub mod checks;
pub mod dataset;
pub mod deidentify;
pub mod duplicates;
pub mod error;
mod guard;
pub mod import;
mod normal;
pub mod request;
pub mod split;
mod staging;

pub use checks::{Exhibit, ExhibitRow, Finding, Severity};
pub use dataset::append::{Appended, Refusal, Settled};
pub use dataset::diff::{Change, DatasetDiff};
pub use dataset::export::{ExportFormat, ExportRequest};
pub use dataset::manifest::DatasetManifest;
pub use dataset::resplit::{Resplit, TestSplit};
pub use dataset::summary::DatasetSummary;
pub use dataset::version::{Written, WrittenAs};
pub use dataset::{Dataset, Examples};
pub use duplicates::NearDuplicates;
pub use error::CurationError;
pub use import::report::{ImportReport, Reason, RejectedRow, SourceRecord};
pub use import::{Imported, import};
pub use request::{ColumnChoice, Header, ImportRequest, LabelColumns, Limits, SourceFile};
pub use split::{Divided, DroppedRow, Shares, SplitPlan, SplitReport};
