//! Text Generation Inference: one choice per request, schemas in a form of its own.

use super::super::openai::JsonForm;
use super::{Dialect, Gauges, Probe, Provider, Speaks};

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
    probe: Probe {
        health: Some("/health"),
        version: Some(("/info", "version")),
        gauges: Some(Gauges {
            running: &["tgi_batch_current_size"],
            waiting: &["tgi_queue_size"],
            cache_used: &[],
        }),
    },
    ..Provider::SELF_HOSTED
};
