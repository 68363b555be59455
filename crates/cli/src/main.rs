//! The binary `freehold`: the whole loop from labelled examples to a proven model in service.
//!
//! Parses the command line, dispatches, and turns errors into sentences and exit codes. The only
//! crate that knows both domains and adapters is this one, in `wiring`.

mod clock;
mod commands;
mod config;
mod output;
mod progress;
mod wiring;

fn main() -> std::process::ExitCode {
    commands::run()
}
