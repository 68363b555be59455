//! SGLang.

use super::{Probe, Provider};

pub const PROVIDER: Provider = Provider {
    name: "sglang",
    probe: Probe { health: Some("/health"), version: Some(("/get_server_info", "version")) },
    ..Provider::SELF_HOSTED
};
