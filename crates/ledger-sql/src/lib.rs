//! The ledger on SQL: the same tree as `ledger`, file for file, on SQLite.
//!
//! One connection writes, a few read: SQLite lets one writer in at a time anyway, and a queue in
//! this process is fairer than its lock. Every write is one `begin immediate` transaction in WAL
//! mode with `synchronous = full`, so what was acknowledged survives a crash of the machine. Other
//! processes may use the same file; they wait for each other up to the busy timeout.
//!
//! No rule of the domain lives here: limits and decisions come from `ledger`, this crate only
//! keeps rows. Nothing here reads a clock.

mod alias;
mod audit;
mod connection;
mod dataset;
mod evaluation;
mod fault;
mod feedback;
mod group;
mod key;
mod migrations;
mod review;
mod row;
mod run;
mod url;
mod version;

pub use connection::SqlLedger;
