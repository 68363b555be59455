//! For whoever runs the server: is it alive, is it ready, what does it count.

pub mod healthz;
pub mod metrics;
pub mod openapi;
pub mod readyz;
