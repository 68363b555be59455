//! The ledger on SQL: the same tree as `ledger`, file for file, on SQLite or PostgreSQL.
//!
//! The repositories are written once; `statement`, `row` and `connection` know which database it
//! is. Every write is one transaction that waits for its turn: the lock of the file on SQLite (WAL
//! mode, `synchronous = full`), an advisory lock on PostgreSQL. So what was acknowledged survives a
//! crash of the machine, and a change sees all changes before it. Other processes may use the same
//! ledger; they wait for each other up to a limit.
//!
//! No rule of the domain lives here: limits and decisions come from `ledger`, this crate only
//! keeps rows. Nothing here reads a clock.

mod account;
mod alias;
mod audit;
mod budget;
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
mod statement;
mod url;
mod version;

pub use connection::SqlLedger;
