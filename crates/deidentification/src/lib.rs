//! The protection of people and secrets in texts.
//!
//! [`recognisers`] say what identifiers look like, [`detection`] finds them, [`redaction`] takes
//! them out and puts them back. Pure: no IO, no clock, no randomness. Nothing here logs, prints or
//! keeps what it reads, and no error repeats it. Files are the business of `curation`, requests
//! that of the gateway.

pub mod detection;
pub mod error;
pub mod recognisers;
pub mod redaction;

pub use error::DeidentificationError;
