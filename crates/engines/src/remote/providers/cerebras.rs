//! Cerebras: one choice per request.

use super::{Dialect, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "cerebras",
    speaks: Speaks::OpenAi(Dialect {
        choices_max: 1,
        embeddings: false,
        penalties: false,
        metadata: false,
        image_urls: false,
        ..Dialect::OPENAI
    }),
    url: Some("https://api.cerebras.ai/v1"),
    ..Provider::OPENAI
};
