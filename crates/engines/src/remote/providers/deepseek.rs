//! DeepSeek: JSON without a schema; thoughts beside the text, and given back when tools are used.

use super::super::openai::JsonForm;
use super::{Dialect, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "deepseek",
    speaks: Speaks::OpenAi(Dialect {
        max_tokens_field: "max_tokens",
        choices_max: 1,
        json: JsonForm::ObjectOnly,
        embeddings: false,
        seed_field: None,
        parallel_tool_calls: false,
        metadata: false,
        user: false,
        images: false,
        thinking_back: Some("reasoning_content"),
        ..Dialect::OPENAI
    }),
    url: Some("https://api.deepseek.com/v1"),
    ..Provider::OPENAI
};
