//! OpenRouter: many providers behind one address. Which one answers is beyond the egress policy,
//! so its clearance should be that of the least of them.

use super::{Dialect, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "openrouter",
    speaks: Speaks::OpenAi(Dialect {
        max_tokens_field: "max_tokens",
        choices_max: 1,
        top_k: true,
        embeddings: false,
        metadata: false,
        ..Dialect::OPENAI
    }),
    url: Some("https://openrouter.ai/api/v1"),
    ..Provider::OPENAI
};
