//! How long work tells a person where it is.

use std::fmt;

/// Receives the progress of one piece of work at a time. Implementations must be cheap: they
/// are called often.
pub trait Progress: Send + Sync + fmt::Debug {
    /// A stage begins; `total` units if known (rows, bytes, steps).
    fn begin(&self, stage: &str, total: Option<u64>);
    /// That many more units are done.
    fn advance(&self, units: u64);
    /// A short changing remark beside the bar, such as the current loss.
    fn remark(&self, text: &str);
    /// The stage is over.
    fn end(&self);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: Option<u64>) {}
    fn advance(&self, _units: u64) {}
    fn remark(&self, _text: &str) {}
    fn end(&self) {}
}
