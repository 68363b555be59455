//! Always answers: wrappers that give an answer although some engines fail.
//!
//! The decisions are plain functions of data, with time and chance as arguments, one file each:
//! [`retry`] (whether and when to try again, within a budget), [`ewma`] and [`choose`] (which
//! replica), [`ejection`] (whom not to ask for a while), [`concurrency`] (how much to ask at
//! once), [`hedge`] (when to ask a second one meanwhile). [`Replicas`] and [`Chain`] apply them.
//!
//! Nothing is tried again once an event has gone out, since the caller would see it twice.
//! Every try is told to an [`freehold_vocabulary::ports::AttemptLog`], with what it cost.

pub mod chain;
pub mod choose;
pub mod concurrency;
pub mod ejection;
pub mod ewma;
pub mod hedge;
mod metered;
pub mod replicas;
pub mod retry;

pub use chain::{Chain, ChainError, ChainOutcome, Link, Passed};
pub use replicas::{Intake, NotOneEngine, ReplicaOptions, Replicas};

#[cfg(test)]
mod tests;
