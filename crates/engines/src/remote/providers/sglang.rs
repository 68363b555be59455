//! SGLang.

use super::super::openai::{Resumes, StreamUsage};
use super::{Adapters, Dialect, Gauges, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "sglang",
    speaks: Speaks::OpenAi(Dialect {
        stream_usage: StreamUsage::Continuous,
        resumes: Resumes::WhenTold,
        ..Dialect::SELF_HOSTED
    }),
    probe: Probe {
        health: Some("/health"),
        version: Some(("/get_server_info", "version")),
        gauges: Some(Gauges {
            running: &["sglang:num_running_reqs"],
            waiting: &["sglang:num_queue_reqs"],
            cache_used: &["sglang:token_usage"],
        }),
    },
    adapters: Adapters::WhileItRuns { below: "" },
    ..Provider::SELF_HOSTED
};
