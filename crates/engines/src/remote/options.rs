//! How one remote engine is reached, and how long and how much it may take.

use std::time::Duration;

use freehold_vocabulary::egress::EngineClearance;

use super::{AwsAccess, Network, Provider, Secret};

/// Everything that the operator says about an engine.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// Name, clearance, region, owner. Its place is [`freehold_vocabulary::egress::Place::Remote`].
    pub clearance: EngineClearance,
    pub provider: &'static Provider,
    /// Base address; `None` takes the provider's own.
    pub url: Option<String>,
    pub key: Option<Secret>,
    /// What signs requests where the provider asks for that and no key is given.
    pub aws: Option<AwsAccess>,
    pub network: Network,
    pub timeouts: Timeouts,
    pub limits: RemoteLimits,
}

/// How long each phase of a call may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request to the first content of a streamed answer.
    pub first_token: Duration,
    /// From one content to the next. Comments that only keep a connection open do not count.
    pub between_tokens: Duration,
    /// The whole call; the only limit on an answer that is not streamed.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_secs(60),
            between_tokens: Duration::from_secs(30),
            total: Duration::from_secs(600),
        }
    }
}

/// How much an answer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteLimits {
    /// Bytes of an answer that is not streamed.
    pub body_bytes_max: usize,
    /// Bytes of one line or event of a streamed answer.
    pub event_bytes_max: usize,
    /// Bytes of a whole streamed answer.
    pub stream_bytes_max: usize,
}

impl Default for RemoteLimits {
    fn default() -> Self {
        Self { body_bytes_max: 64 << 20, event_bytes_max: 4 << 20, stream_bytes_max: 256 << 20 }
    }
}
