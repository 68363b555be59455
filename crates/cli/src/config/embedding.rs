//! `[embedding]`: the encoder whose vectors routing, recognition and caches compare.
//!
//! One for the whole portfolio: what was learnt on its vectors lapses when it changes.

use std::num::NonZeroUsize;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::serve::PrecisionConfig;

/// A text of that many tokens takes a second; no encoder here reads more.
const TOKENS_MAX: usize = 8192;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingConfig {
    /// A base by name or digest.
    pub base: String,
    /// `f32` or `int8`: how its weights are held and multiplied.
    pub precision: PrecisionConfig,
    /// Longer texts are cut to so many tokens.
    pub tokens_max: NonZeroUsize,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self {
            base: "all-minilm-l6-v2".to_owned(),
            // Measured to rank as well as 32-bit floats at less than half the time.
            precision: PrecisionConfig::Int8,
            tokens_max: NonZeroUsize::new(128).expect("128 is not zero"),
        }
    }
}

impl EmbeddingConfig {
    pub fn check(&self) -> Result<()> {
        if self.tokens_max.get() > TOKENS_MAX {
            bail!("tokens_max is {}; at most {TOKENS_MAX} tokens are read", self.tokens_max);
        }
        Ok(())
    }
}
