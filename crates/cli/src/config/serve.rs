//! `[serve]`: the HTTP server and its limits.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};

use freehold_vocabulary::DataClass;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// Address and port. Anything but loopback asks for API keys.
    pub bind: SocketAddr,
    /// Requests in flight before the server answers 429.
    pub in_flight_max: NonZeroUsize,
    pub body_bytes_max: NonZeroUsize,
    /// Texts in one request.
    pub batch_max: NonZeroUsize,
    pub text_bytes_max: NonZeroUsize,
    /// How long the server waits for requests in flight when it is told to stop.
    pub drain_ms: NonZeroU32,
    /// How long keys that were known are still let in while the ledger does not answer. 0 answers
    /// 503 at once. Limits hold meanwhile, and nothing that has to be in the audit log leaves.
    pub ledger_grace_s: u32,
    /// `f32` or `int8`: how encoder weights are held and multiplied.
    pub precision: PrecisionConfig,
    /// How often the server looks for promotions and rollbacks.
    pub watch_ms: NonZeroU32,
    /// The class of a request to a generating model of which nobody says anything. The header
    /// `x-freehold-data-class` raises it, and never lowers it.
    pub default_data_class: DataClass,
    /// Whether traces of generated answers hold what was asked and answered. Unsaid: unless the
    /// engine is elsewhere and the class above `internal`. Tasks always keep their texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_content: Option<bool>,
}

/// How encoder weights are held and multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionConfig {
    F32,
    Int8,
}

impl Default for ServeConfig {
    fn default() -> Self {
        let size = |n: usize| NonZeroUsize::new(n).expect("the constant is not zero");
        let millis = |n: u32| NonZeroU32::new(n).expect("the constant is not zero");
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            in_flight_max: size(256),
            body_bytes_max: size(4 << 20),
            batch_max: size(1024),
            text_bytes_max: size(64 << 10),
            drain_ms: millis(10_000),
            ledger_grace_s: 0,
            precision: PrecisionConfig::F32,
            watch_ms: millis(250),
            default_data_class: DataClass::Confidential,
            trace_content: None,
        }
    }
}
