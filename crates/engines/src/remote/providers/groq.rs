//! Groq: one choice per request, no log-probabilities.

use super::{Dialect, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "groq",
    speaks: Speaks::OpenAi(Dialect {
        choices_max: 1,
        logprobs: false,
        penalties: false,
        embeddings: false,
        metadata: false,
        ..Dialect::OPENAI
    }),
    url: Some("https://api.groq.com/openai/v1"),
    ..Provider::OPENAI
};
