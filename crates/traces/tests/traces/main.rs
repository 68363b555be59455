//! The trace log from outside: what it keeps, finds, answers, and survives.

mod compaction;
mod durability;
mod finding;
mod recovery;
mod sample;
mod sql;
mod tailing;
