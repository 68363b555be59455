//! A number with its uncertainty: no figure leaves the system without one.

use serde::{Deserialize, Serialize};

/// An estimate with its confidence interval and the number of observations behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
    /// Two-sided confidence level, such as 0.95.
    pub level: f64,
    /// Observations.
    pub n: u64,
    pub method: IntervalMethod,
}

/// How an interval was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Wilson (1927), for proportions.
    Wilson,
    /// Clopper and Pearson (1934), exact for proportions.
    ClopperPearson,
    /// Percentiles of a seeded bootstrap.
    Bootstrap,
}
