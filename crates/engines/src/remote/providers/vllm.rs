//! vLLM.

use super::super::openai::{Resumes, StreamUsage};
use super::{Adapters, Dialect, Gauges, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "vllm",
    speaks: Speaks::OpenAi(Dialect {
        stream_usage: StreamUsage::Continuous,
        resumes: Resumes::WhenTold,
        ..Dialect::SELF_HOSTED
    }),
    probe: Probe {
        health: Some("/health"),
        version: Some(("/version", "version")),
        gauges: Some(Gauges {
            running: &["vllm:num_requests_running"],
            waiting: &["vllm:num_requests_waiting"],
            cache_used: &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
        }),
    },
    adapters: Adapters::WhileItRuns { below: "/v1" },
    ..Provider::SELF_HOSTED
};
