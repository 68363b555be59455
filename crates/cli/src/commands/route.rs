//! `freehold route`: which of two models should answer, and what can be promised about it.

mod bench;
mod certified;
mod certify;
mod data;
mod encode;
mod explain;
mod judged;
mod published;
mod routers;
mod shown;
mod speed;
mod train;

use anyhow::Result;
use clap::Subcommand;

use crate::wiring::Session;

/// Who answers, what can be promised about it, and what it saves.
#[derive(Debug, Subcommand)]
pub enum Command {
    Bench(bench::Arguments),
    Certify(certify::Arguments),
    Explain(explain::Arguments),
    Train(train::Arguments),
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::Bench(arguments) => bench::run(arguments, session),
        Command::Certify(arguments) => certify::run(arguments, session),
        Command::Explain(arguments) => explain::run(arguments, session),
        Command::Train(arguments) => train::run(arguments, session),
    }
}
