//! The server over real sockets, with a real ledger, a deterministic engine and a still clock.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

mod alias;
mod batches;
mod chat;
mod connection;
mod feedback;
mod files;
mod generation;
mod hostile;
mod keys;
mod models;
mod moderations;
mod openapi;
mod overload;
mod portfolio;
mod predict;
mod probes;
mod remote;
mod sovereignty;
mod swap;
mod systemone;
