//! Anthropic's API.

use super::{Adapters, Auth, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "anthropic",
    speaks: Speaks::Anthropic,
    url: Some("https://api.anthropic.com/v1"),
    auth: Auth::Header("x-api-key"),
    needs_key: true,
    headers: &[("anthropic-version", "2023-06-01")],
    probe: Probe::NONE,
    control: None,
    adapters: Adapters::AtTheStart,
};
