//! The encoder trainer against the real libraries, against crashes, and against itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "encoder/exports.rs"]
mod exports;
#[path = "encoder/fixture.rs"]
mod fixture;
#[path = "encoder/golden.rs"]
mod golden;
#[path = "encoder/kill.rs"]
mod kill;
#[path = "encoder/refusals.rs"]
mod refusals;
#[path = "encoder/runs.rs"]
mod runs;
#[path = "encoder/slopes.rs"]
mod slopes;
