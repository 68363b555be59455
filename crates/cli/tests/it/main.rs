//! End to end: the binary as a user runs it, real files, real sockets, real kills.

mod crash;
mod loop_of_the_house;
mod portfolio;
mod refusals;
mod serving;
