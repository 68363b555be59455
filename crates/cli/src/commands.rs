//! The verbs of the loop, one file each.
//!
//! Every verb: `--help` that teaches, `--json` for machines, progress on standard error, a next
//! step at the end. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a gate or check refused.

mod accounts;
mod audit;
mod base;
mod cache;
mod calibrate;
mod config;
mod cost;
mod data;
mod deidentify;
mod doctor;
mod engines;
mod evaluate;
mod feedback;
mod init;
mod keys;
mod limits;
mod models;
mod predict;
mod report;
mod review;
mod route;
mod serve;
mod traces;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use freehold_ledger::Level;

use crate::output::{self, Form};
use crate::wiring::Session;

/// Own your models: from labelled examples to a small model in service, with proof.
#[derive(Debug, Parser)]
#[command(name = "freehold", version, about, arg_required_else_help = true)]
#[command(
    after_help = "The loop: init → data import → train → evaluate → calibrate → models promote → serve → review → data append → again.\nStart with `freehold init`."
)]
struct Cli {
    /// The configuration; by default `freehold.toml` here or in a folder above.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Draw no progress bars.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    Doctor(doctor::Arguments),
    #[command(subcommand)]
    Config(config::Command),
    #[command(subcommand)]
    Base(base::Command),
    #[command(subcommand)]
    Data(data::Command),
    Deidentify(deidentify::Arguments),
    Train(train::Arguments),
    Evaluate(evaluate::Arguments),
    Calibrate(calibrate::Arguments),
    #[command(subcommand)]
    Models(models::Command),
    Serve(serve::Arguments),
    Predict(predict::Arguments),
    #[command(subcommand)]
    Traces(traces::Command),
    Feedback(feedback::Arguments),
    #[command(subcommand)]
    Review(review::Command),
    Report(report::Arguments),
    Cost(cost::Arguments),
    #[command(subcommand)]
    Cache(cache::Command),
    #[command(subcommand)]
    Route(route::Command),
    #[command(subcommand)]
    Keys(keys::Command),
    /// Organisations: what their teams, users and keys may use, and together no more than.
    #[command(subcommand)]
    Organisations(accounts::Command),
    /// Teams, of an organisation or of nobody: what their users and keys may use.
    #[command(subcommand)]
    Teams(accounts::Command),
    /// Users, of a team, an organisation or nobody: what their keys may use.
    #[command(subcommand)]
    Users(accounts::Command),
    #[command(subcommand)]
    Limits(limits::Command),
    #[command(subcommand)]
    Engines(engines::Command),
    #[command(subcommand)]
    Audit(audit::Command),
}

/// Something was examined and refused: a gate, a check, a verification. Not a malfunction.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// A refusal whose report, the one JSON document of the command, was printed before.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Reported(pub String);

/// Parses, runs, and turns the outcome into an exit code.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let form = if cli.json { Form::Json } else { Form::Human };
    match dispatch(cli, form) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A reader that went away (`| head`) is not a failure worth a message.
            if error.chain().any(is_broken_pipe) {
                return ExitCode::SUCCESS;
            }
            let reported = error.is::<Reported>();
            let sentence = output::sentence(&error);
            if form == Form::Json && !reported {
                println!("{}", serde_json::json!({ "error": sentence }));
            }
            eprintln!("error: {sentence}");
            ExitCode::from(if reported || error.is::<Refused>() { 3 } else { 1 })
        }
    }
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause
        .downcast_ref::<std::io::Error>()
        .is_some_and(|it| it.kind() == std::io::ErrorKind::BrokenPipe)
}

fn dispatch(cli: Cli, form: Form) -> Result<()> {
    let quiet = cli.quiet || cli.json;
    let session = || Session::open(cli.config.as_deref(), form, quiet);
    match cli.command {
        Command::Init(arguments) => init::run(&arguments, form),
        Command::Config(command) => config::run(&command, cli.config.as_deref(), form),
        Command::Deidentify(arguments) => deidentify::run(&arguments, form, quiet),
        Command::Doctor(arguments) => doctor::run(&arguments, cli.config.as_deref(), form),
        Command::Base(command) => base::run(&command, &session()?),
        Command::Data(command) => data::run(&command, &session()?),
        Command::Train(arguments) => train::run(&arguments, &session()?),
        Command::Evaluate(arguments) => evaluate::run(&arguments, &session()?),
        Command::Calibrate(arguments) => calibrate::run(&arguments, &session()?),
        Command::Models(command) => {
            models::repair_first(&command, cli.config.as_deref())?;
            models::run(&command, &session()?)
        }
        Command::Serve(arguments) => serve::run(&arguments, session()?),
        Command::Predict(arguments) => predict::run(&arguments, &session()?),
        Command::Traces(command) => traces::run(&command, &session()?),
        Command::Feedback(arguments) => feedback::run(&arguments, &session()?),
        Command::Review(command) => review::run(&command, &session()?),
        Command::Report(arguments) => report::run(&arguments, &session()?),
        Command::Cost(arguments) => cost::run(&arguments, &session()?),
        Command::Cache(command) => cache::run(&command, &session()?),
        Command::Route(command) => route::run(&command, &session()?),
        Command::Keys(command) => keys::run(&command, &session()?),
        Command::Organisations(command) => {
            accounts::run(&command, Level::Organisation, &session()?)
        }
        Command::Teams(command) => accounts::run(&command, Level::Team, &session()?),
        Command::Users(command) => accounts::run(&command, Level::User, &session()?),
        Command::Limits(command) => limits::run(&command, &session()?),
        Command::Engines(command) => engines::run(&command, cli.config.as_deref(), form),
        Command::Audit(command) => audit::run(&command, &session()?),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
