//! The OpenAI protocol: `model` is a task, an alias of one, or a model that generates.

pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod models;
pub mod read;
pub mod wire;
