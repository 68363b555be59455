//! Google's Gemini API.

use super::{Adapters, Auth, Probe, Provider, Speaks};

pub const PROVIDER: Provider = Provider {
    name: "gemini",
    speaks: Speaks::Gemini,
    url: Some("https://generativelanguage.googleapis.com/v1beta"),
    auth: Auth::Header("x-goog-api-key"),
    needs_key: true,
    headers: &[],
    probe: Probe::NONE,
    control: None,
    adapters: Adapters::AtTheStart,
};
