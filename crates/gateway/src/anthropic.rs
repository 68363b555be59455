//! The Anthropic protocol: `model` is a task, an alias of one, or a model that generates.

pub mod count_tokens;
pub mod messages;
pub mod wire;
