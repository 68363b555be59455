//! The protection of people and secrets in texts.
//!
//! [`recognisers`] say what identifiers look like, [`detection`] finds them, [`redaction`] takes
//! them out and puts them back, [`requests`] does all of it to what goes to a model. Pure: no IO, no clock, no randomness. Nothing here logs, prints or
//! keeps what it reads, and no error repeats it. Files are the business of `curation`; who
//! may see what, that of the gateway.

pub mod detection;
pub mod error;
pub mod recognisers;
pub mod redaction;
pub mod requests;

pub use error::DeidentificationError;
