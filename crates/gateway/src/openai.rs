//! The OpenAI protocol: `model` is a task, an alias of one, or a model that generates.

pub mod batches;
pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod files;
pub mod models;
pub mod moderations;
pub mod page;
pub mod read;
pub mod responses;
pub mod wire;
