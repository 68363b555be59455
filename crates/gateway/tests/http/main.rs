//! The server over real sockets, with a real ledger, a deterministic engine and a still clock.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

#[path = "../../../ledger-sql/tests/ledger/postgres.rs"]
#[expect(dead_code, reason = "made for the tests of the ledger, which use more of it")]
mod postgres;
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
mod limits;
mod models;
mod moderations;
mod openapi;
mod outage;
mod overload;
mod portfolio;
mod predict;
mod probes;
mod remote;
mod sovereignty;
mod swap;
mod systemone;
