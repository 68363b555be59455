//! What can go wrong when a policy is fitted or read, split by what the caller can do about it.

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum RoutingError {
    /// Bring more data.
    #[error("{what}: there are {found}, at least {needed} are needed")]
    TooFew { what: &'static str, found: usize, needed: usize },
    /// The observations do not belong to this task or to each other.
    #[error("observation {position} of the {part} part {problem}")]
    Observation { part: &'static str, position: usize, problem: String },
    /// The request makes no sense.
    #[error("{what} is {found}; expected {expected}")]
    Request { what: &'static str, found: String, expected: &'static str },
    /// A policy file is damaged or belongs to another model; calibrate again.
    #[error("`{file}` is not a valid policy file: {reason}; calibrate again")]
    Malformed { file: &'static str, reason: String },
}

impl RoutingError {
    pub(crate) fn malformed(file: &'static str, reason: impl ToString) -> Self {
        Self::Malformed { file, reason: reason.to_string() }
    }
}
