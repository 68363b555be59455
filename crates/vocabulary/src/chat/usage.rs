//! What a generation took, in tokens.

use serde::{Deserialize, Serialize};

/// Tokens as the engine counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All tokens read, those from a cache included.
    pub input_tokens: u64,
    /// Of them, read from the engine's cache.
    pub cached_input_tokens: u64,
    /// Of them, written to the engine's cache, where that has a price of its own.
    pub cache_written_tokens: u64,
    /// All tokens written, those of thinking included.
    pub output_tokens: u64,
    /// Of them, spent on thinking.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// Input and output together.
    #[must_use]
    pub const fn total_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        let add = |a: &mut u64, b| *a = a.saturating_add(b);
        add(&mut self.input_tokens, more.input_tokens);
        add(&mut self.cached_input_tokens, more.cached_input_tokens);
        add(&mut self.cache_written_tokens, more.cache_written_tokens);
        add(&mut self.output_tokens, more.output_tokens);
        add(&mut self.reasoning_tokens, more.reasoning_tokens);
    }
}

/// How far a usage can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageBasis {
    /// The engine said so.
    Reported,
    /// The engine did not say: a token per four bytes sent and received.
    Estimated,
    /// The engine refused before it did anything.
    Nothing,
}
