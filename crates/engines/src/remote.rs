//! Engines elsewhere: cloud APIs, and model servers in the next rack.
//!
//! A [`RemoteEngine`] joins three things that know nothing of each other: a protocol (pure
//! translation between our words and bytes, one folder each), a row of the table
//! [`PROVIDERS`] (what differs between servers that speak the same protocol, one file each), and
//! the transport (connections, timeouts, limits). Nothing is sent that the egress policy has not
//! cleared for this very engine, no redirect is followed, and names that resolve inward are
//! refused unless the engine stands in the own network.
//!
//! [`resilience`] wraps engines so that a caller gets an answer although some of them fail.

mod adapters;
mod anthropic;
mod aws;
mod bedrock;
mod engine;
mod fault;
mod frames;
mod gauges;
mod gemini;
mod network;
mod openai;
mod options;
mod providers;
pub mod resilience;
mod secret;
mod sse;
mod stream;
mod transport;
mod wire;

pub use adapters::Adapters;
pub use aws::{AwsAccess, AwsKeys, AwsProfileError, AwsSource};
pub use engine::RemoteEngine;
pub use gauges::Gauges;
pub use network::Network;
pub use openai::{Dialect, Resumes, StreamUsage};
pub use options::{RemoteLimits, RemoteOptions, Timeouts};
pub use providers::bedrock::url as bedrock_url;
pub use providers::{Auth, PROVIDERS, Probe, Provider, Speaks, find};
pub use secret::Secret;
pub use sse::{SseDecoder, SseEvent, SseTrouble};

/// Why an engine cannot be set up: the operator must mend the configuration.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("the address `{0}` cannot be used: {1}")]
    Url(String, String),
    #[error("the provider `{provider}` needs `{what}`")]
    Missing { provider: &'static str, what: &'static str },
    #[error("the key cannot be sent in an HTTP header: it has spaces or line breaks inside")]
    Key,
    #[error("the HTTP client cannot start: {0}")]
    Client(String),
}
