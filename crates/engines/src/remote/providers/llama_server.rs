//! llama.cpp's server.

use super::super::openai::Resumes;
use super::{Dialect, Gauges, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "llama-server",
    speaks: Speaks::OpenAi(Dialect {
        thinking_back: Some("reasoning_content"),
        resumes: Resumes::Always,
        ..Dialect::SELF_HOSTED
    }),
    probe: Probe {
        health: Some("/health"),
        version: Some(("/props", "build_info")),
        gauges: Some(Gauges {
            running: &["llamacpp:requests_processing"],
            waiting: &["llamacpp:requests_deferred"],
            cache_used: &["llamacpp:kv_cache_usage_ratio"],
        }),
    },
    ..Provider::SELF_HOSTED
};
