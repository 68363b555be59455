//! `[compute]`: what the organisation's own machines cost, and how many threads work takes.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComputeConfig {
    /// Threads for training and scoring; 0 means all cores. Results do not depend on it.
    pub threads: usize,
    /// Price of one core for one hour, from the organisation's own books; reports that need it
    /// and do not find it say so.
    pub cpu_hour: Option<CpuPrice>,
}

/// What a core costs, with its date.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CpuPrice {
    pub currency: String,
    pub price: f64,
    pub as_of: String,
    pub source: String,
}

impl ComputeConfig {
    pub fn check(&self) -> Result<()> {
        if let Some(price) = &self.cpu_hour
            && !(price.price.is_finite() && price.price > 0.0)
        {
            bail!("cpu_hour.price is {}; expected a number above 0", price.price);
        }
        Ok(())
    }

    /// How many threads that is on this machine.
    pub fn threads(&self) -> usize {
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        if self.threads == 0 { all } else { self.threads }
    }
}
