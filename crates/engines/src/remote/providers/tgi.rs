//! Text Generation Inference: one choice per request, schemas in a form of its own.

use super::super::openai::JsonForm;
use super::{Dialect, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "tgi",
    speaks: Speaks::OpenAi(Dialect {
        choices_max: 1,
        json: JsonForm::Value,
        parallel_tool_calls: false,
        top_k: false,
        embeddings: false,
        user: false,
        ..Dialect::SELF_HOSTED
    }),
    probe: Probe { health: Some("/health"), version: Some(("/info", "version")) },
    ..Provider::SELF_HOSTED
};
