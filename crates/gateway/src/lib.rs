//! The HTTP side of Freehold: protocols in, routed answers out.
//!
//! OpenAI's, Anthropic's, System One's and a native protocol over two walks: a text goes through
//! the tiers of its task; a conversation goes to a model that generates, if a rule lets it. Reads no
//! configuration, opens no file and trains nothing; the binary builds the [`App`] and passes a
//! listener. A model's answer never leaves before its trace is durable.

pub mod error;
pub mod portfolio;
pub mod router;
pub mod serve;

mod answer;
mod anthropic;
mod app;
mod batch;
mod budget;
mod caches;
mod depot;
mod egress;
mod extract;
mod feedback;
mod generation;
mod ids;
mod layers;
mod metrics;
mod near;
mod openai;
mod probes;
mod record;
mod systemone;
mod tasks;
mod walk;

pub use app::{Access, App, Limits, Parts};
pub use caches::{CacheLimits, CacheRule, CacheShelf, CacheUse};
pub use depot::Keeping;
pub use portfolio::{
    ActiveRouter, Deployed, DeployedTier, Egress, GenerativeModel, KeptContent, KeyRule,
    ModelPrice, ModelRoute, Moderation, Portfolio, PortfolioError, RedactionRule, RemoteTiers,
    Rule, subject,
};
pub use probes::openapi::DOCUMENT as OPENAPI;
pub use serve::{Drained, serve};
