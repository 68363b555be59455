//! `freehold route`: which of two models should answer, and what can be promised about it.

mod bench;
mod certified;
mod data;
mod encode;
mod published;
mod routers;
mod shown;
mod speed;

use anyhow::Result;
use clap::Subcommand;

use crate::wiring::Session;

/// Measure routing between a weak and a strong model.
#[derive(Debug, Subcommand)]
pub enum Command {
    Bench(bench::Arguments),
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::Bench(arguments) => bench::run(arguments, session),
    }
}
