//! Every provider, in alphabetical order: one file each, with only what differs.

mod anthropic;
mod azure;
pub mod bedrock;
mod cerebras;
mod deepseek;
mod gemini;
mod groq;
mod llama_server;
mod mistral;
mod ollama;
mod openai;
mod openrouter;
mod sglang;
mod tei;
mod tgi;
mod together;
mod vllm;
mod xai;

use std::sync::Arc;

use super::adapters::Adapters;
use super::anthropic::Anthropic;
use super::bedrock::Bedrock;
use super::gauges::Gauges;
use super::gemini::Gemini;
use super::openai::{Dialect, OpenAi};
use super::wire::Wire;

/// The table.
pub const PROVIDERS: &[&Provider] = &[
    &anthropic::PROVIDER,
    &azure::PROVIDER,
    &bedrock::PROVIDER,
    &cerebras::PROVIDER,
    &deepseek::PROVIDER,
    &gemini::PROVIDER,
    &groq::PROVIDER,
    &llama_server::PROVIDER,
    &mistral::PROVIDER,
    &ollama::PROVIDER,
    &openai::PROVIDER,
    &openrouter::PROVIDER,
    &sglang::PROVIDER,
    &tei::PROVIDER,
    &tgi::PROVIDER,
    &together::PROVIDER,
    &vllm::PROVIDER,
    &xai::PROVIDER,
];

/// The row of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|it| it.name == name).copied()
}

/// What differs between providers.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// The word in `protocol = "…"`.
    pub name: &'static str,
    pub speaks: Speaks,
    /// Base address; servers that anyone may run have none.
    pub url: Option<&'static str>,
    pub auth: Auth,
    pub needs_key: bool,
    /// Headers of every request.
    pub headers: &'static [(&'static str, &'static str)],
    pub probe: Probe,
    /// What to replace in the address, and by what, to find where an account is managed.
    pub control: Option<(&'static str, &'static str)>,
    pub adapters: Adapters,
}

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub enum Speaks {
    OpenAi(Dialect),
    Anthropic,
    Bedrock,
    Gemini,
}

/// How the key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer KEY`
    Bearer,
    /// A header of its own.
    Header(&'static str),
    /// Signed by AWS's rules for that service; a key, where one is given, is a bearer token.
    Aws { service: &'static str },
}

/// Where a server says how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Below the root; without one, the list of models must be readable.
    pub health: Option<&'static str>,
    /// Path and field of the version.
    pub version: Option<(&'static str, &'static str)>,
    /// What `/metrics` says of how busy it is.
    pub gauges: Option<Gauges>,
}

impl Probe {
    /// A server that has no probe.
    pub const NONE: Self = Self { health: None, version: None, gauges: None };
}

impl Provider {
    /// A cloud API in OpenAI's words.
    pub const OPENAI: Self = Self {
        name: "openai",
        speaks: Speaks::OpenAi(Dialect::OPENAI),
        url: Some("https://api.openai.com/v1"),
        auth: Auth::Bearer,
        needs_key: true,
        headers: &[],
        probe: Probe::NONE,
        control: None,
        adapters: Adapters::AtTheStart,
    };

    /// A server that anyone may run, in OpenAI's words.
    pub const SELF_HOSTED: Self = Self {
        speaks: Speaks::OpenAi(Dialect::SELF_HOSTED),
        url: None,
        needs_key: false,
        probe: Probe { health: Some("/health"), ..Probe::NONE },
        ..Self::OPENAI
    };

    /// Whether this is a server that anyone may run, so that its address must be given.
    #[must_use]
    pub const fn is_self_hosted(&self) -> bool {
        self.url.is_none() && !self.needs_key
    }

    pub(crate) fn wire(&self) -> Arc<dyn Wire> {
        match self.speaks {
            Speaks::OpenAi(dialect) => Arc::new(OpenAi(dialect)),
            Speaks::Anthropic => Arc::new(Anthropic),
            Speaks::Bedrock => Arc::new(Bedrock),
            Speaks::Gemini => Arc::new(Gemini),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_order() {
        assert!(PROVIDERS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
