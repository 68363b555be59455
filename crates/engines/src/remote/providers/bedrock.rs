//! Amazon Bedrock: signed requests, or its own API keys as bearer tokens. The address names the
//! region; lists of models live at another door.

use super::{Adapters, Auth, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "bedrock",
    speaks: Speaks::Bedrock,
    url: None,
    auth: Auth::Aws { service: "bedrock" },
    needs_key: true,
    headers: &[],
    probe: Probe::NONE,
    control: Some(("//bedrock-runtime", "//bedrock")),
    adapters: Adapters::AtTheStart,
};

/// The address of a region.
#[must_use]
pub fn url(region: &str) -> String {
    format!("https://bedrock-runtime.{region}.amazonaws.com")
}
