//! Remote engines against stand-ins that speak the providers' wire formats.
//!
//! The real clouds cannot be reached from a test; what stands here for them is a server on
//! loopback that answers as their documentation says, and that can stall, cut, lie and fail.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod always;
mod bedrock;
mod conformance;
mod errors;
mod quirks;
mod service;
mod stand_in;
