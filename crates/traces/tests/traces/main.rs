//! The trace log from outside: what it keeps, finds, answers, and survives.

#![expect(clippy::unwrap_used, reason = "the functions that tests share may fail as tests do")]

mod compaction;
mod durability;
mod finding;
mod generations;
mod recovery;
mod retention;
mod sample;
mod sql;
mod tailing;
