//! The HTTP side of Freehold: protocols in, routed answers out.
//!
//! An OpenAI-compatible, a System One and a native protocol over the same walk: parse, let in,
//! take each text through the tiers of its task, record the answer, send it. Reads no
//! configuration, opens no file and trains nothing; the binary builds the [`App`] and passes a
//! listener. A model's answer never leaves before its trace is durable.

pub mod error;
pub mod portfolio;
pub mod router;
pub mod serve;

mod answer;
mod app;
mod extract;
mod feedback;
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
pub use portfolio::{Deployed, DeployedTier, Portfolio, PortfolioError};
pub use probes::openapi::DOCUMENT as OPENAPI;
pub use serve::{Drained, serve};
