//! `[traces]`: when the record of answers becomes visible to other tools, and when it is forgotten.

use std::num::NonZeroU32;

use anyhow::{Result, bail};
use freehold_traces::{Retention, RetentionRules};
use serde::{Deserialize, Serialize};

use super::Config;

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracesConfig {
    /// How long a trace may stay in the log before the server compacts it to Parquet, where DuckDB,
    /// Polars and Spark see it. It is durable either way, and `freehold traces` sees it at once.
    pub compact_after_s: NonZeroU32,
    /// As in [`RetentionConfig`]: for tasks without `traces` of their own and for models that
    /// generate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_content_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
}

impl TracesConfig {
    /// What holds where a task says nothing.
    pub fn retention(&self) -> RetentionConfig {
        RetentionConfig { keep_content_days: self.keep_content_days, keep_days: self.keep_days }
    }
}

/// How long traces are kept; unsaid, for ever. A running server looks every hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Days after which a trace loses its texts: input, request and answer. Figures, labels and
    /// versions stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_content_days: Option<u32>,
    /// Days after which a trace is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
}

impl RetentionConfig {
    /// Refuses a trace that would lose its texts after it is gone.
    pub fn check(&self) -> Result<()> {
        if let (Some(content), Some(whole)) = (self.keep_content_days, self.keep_days)
            && content > whole
        {
            bail!(
                "`keep_content_days` = {content} is more than `keep_days` = {whole}; texts go with their trace"
            );
        }
        Ok(())
    }

    fn retention(&self) -> Retention {
        Retention { content_days: self.keep_content_days, days: self.keep_days }
    }
}

/// The rules of the whole file.
pub fn retention_rules(config: &Config) -> RetentionRules {
    let own = config.tasks.iter().filter_map(|(name, task)| Some((name, task.traces?)));
    RetentionRules {
        usual: config.traces.retention().retention(),
        tasks: own.map(|(name, it)| (name.clone(), it.retention())).collect(),
    }
}

impl Default for TracesConfig {
    fn default() -> Self {
        let compact_after_s = NonZeroU32::new(60).expect("the constant is not zero");
        Self { compact_after_s, keep_content_days: None, keep_days: None }
    }
}
