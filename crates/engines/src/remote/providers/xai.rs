//! xAI: tokens of thinking are counted beside those of the answer, not among them.

use super::{Dialect, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "xai",
    speaks: Speaks::OpenAi(Dialect {
        reasoning_beside_output: true,
        embeddings: false,
        metadata: false,
        ..Dialect::OPENAI
    }),
    url: Some("https://api.x.ai/v1"),
    ..Provider::OPENAI
};
