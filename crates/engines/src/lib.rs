//! What can answer a request: models in this process, and servers elsewhere.
//!
//! An engine turns many concurrent small requests into the batches that a model likes, bounds
//! what may wait, and keeps a failing model from harming its neighbours. It never decides who
//! should answer: that is routing.

pub mod local;
pub mod remote;

pub use local::{BaseCache, LocalEngine, LocalLimits, LocalOptions, WorkerPool};
