//! Together.

use super::{Dialect, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "together",
    speaks: Speaks::OpenAi(Dialect {
        max_tokens_field: "max_tokens",
        logprobs: false,
        top_k: true,
        user: false,
        metadata: false,
        ..Dialect::OPENAI
    }),
    url: Some("https://api.together.xyz/v1"),
    ..Provider::OPENAI
};
