//! Mistral: strict about unknown fields, and some names of its own.

use super::super::openai::StreamUsage;
use super::{Dialect, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "mistral",
    speaks: Speaks::OpenAi(Dialect {
        max_tokens_field: "max_tokens",
        // Usage comes in the last piece unasked; the option is refused.
        stream_usage: StreamUsage::ByItself,
        seed_field: Some("random_seed"),
        required_word: "any",
        logprobs: false,
        reasoning_effort: false,
        user: false,
        metadata: false,
        ..Dialect::OPENAI
    }),
    url: Some("https://api.mistral.ai/v1"),
    ..Provider::OPENAI
};
