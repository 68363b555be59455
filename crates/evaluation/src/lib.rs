//! How good a model is, how sure we are of it, and whether that is good enough.
//!
//! Plain functions of data: predictions in, numbers with intervals out, and from those a record
//! (JSON), a page (HTML) and a verdict (the gate). Nothing here runs a model, reads a file or
//! looks at a clock. Every number carries n and an interval; every decision compares bounds.

pub mod compare;
pub mod confusion;
pub mod error;
pub mod gate;
pub mod intervals;
pub mod latency;
pub mod metrics;
pub mod page;
pub mod per_class;
pub mod predictions;
pub mod reliability;
pub mod report;
pub mod risk_coverage;
pub mod slices;

pub use error::EvaluationError;
pub use predictions::{Prediction, Predictions};
pub use report::{Evaluation, Settings, Subject, evaluate};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
