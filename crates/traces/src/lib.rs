//! The record of every answer: a durable log, compacted to Parquet, open to questions in SQL.
//!
//! A server opens [`Traces`] and appends; an acknowledged trace survives a crash of the process and
//! of the machine. Sealed segments of the log become Parquet files by task and day, which DuckDB,
//! Polars and Spark read as they are. [`sql`], [`tail`] and the ready [`questions`] read both, also
//! from another process while the server writes. Nothing here reads a clock, and nothing is
//! forgotten unless the operator's [`RetentionRules`] say so.

mod admit;
mod commit;
mod compact;
mod disk;
mod error;
mod find;
mod frame;
mod layout;
mod log;
mod options;
mod parquet_file;
pub mod questions;
mod retention;
mod schema;
mod segment;
mod snapshot;
mod sql;
mod tail;
mod traces;
mod worker;

pub use compact::Compacted;
pub use error::TracesError;
pub use log::{Finding, Recovery};
pub use options::{Compaction, Options};
pub use questions::{QUESTIONS, Question};
pub use retention::{Forgotten, Retention, RetentionRules};
pub use sql::{Limits, Rows, sql};
pub use tail::{Fresh, Tail, tail};
pub use traces::{Status, Traces, would_forget};
