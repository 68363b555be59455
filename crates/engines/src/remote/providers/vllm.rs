//! vLLM.

use super::{Probe, Provider};

pub const PROVIDER: Provider = Provider {
    name: "vllm",
    probe: Probe { health: Some("/health"), version: Some(("/version", "version")) },
    ..Provider::SELF_HOSTED
};
