//! Ollama: one choice per request, images only by value, no forced tools.

use super::super::openai::Resumes;
use super::{Dialect, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "ollama",
    speaks: Speaks::OpenAi(Dialect {
        choices_max: 1,
        image_urls: false,
        tool_choice: false,
        parallel_tool_calls: false,
        top_k: false,
        user: false,
        reasoning_effort: true,
        resumes: Resumes::Always,
        ..Dialect::SELF_HOSTED
    }),
    probe: Probe {
        health: Some("/api/version"),
        version: Some(("/api/version", "version")),
        ..Probe::NONE
    },
    ..Provider::SELF_HOSTED
};
