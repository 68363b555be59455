//! What can go wrong, split by what the caller can do about it.

/// Why a text was not searched or not rewritten. No variant repeats content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeidentificationError {
    /// Mend the request: an option makes no sense.
    #[error("{0}")]
    Request(String),
    /// Send less, or raise the limit.
    #[error("{what} exceeds the limit of {limit}; {remedy}")]
    Limit { what: String, limit: u64, remedy: &'static str },
}
