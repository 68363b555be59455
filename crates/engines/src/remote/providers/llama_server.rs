//! llama.cpp's server.

use super::{Dialect, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "llama-server",
    speaks: Speaks::OpenAi(Dialect {
        thinking_back: Some("reasoning_content"),
        ..Dialect::SELF_HOSTED
    }),
    probe: Probe { health: Some("/health"), version: Some(("/props", "build_info")) },
    ..Provider::SELF_HOSTED
};
