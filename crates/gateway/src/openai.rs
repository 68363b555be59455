//! The OpenAI protocol: `model` is the name of a task, the answer is a small JSON object.

pub mod chat;
pub mod models;
mod parameters;
mod stream;
