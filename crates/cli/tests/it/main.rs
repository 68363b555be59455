//! End to end: the binary as a user runs it, real files, real sockets, real kills.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

mod audit;
mod crash;
mod gateway;
mod loop_of_the_house;
mod portfolio;
mod refusals;
mod serving;
mod traces;
