//! `freehold config`: shows and checks the configuration.

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;
use crate::output::{self, Form};

/// Show or check freehold.toml.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every value in force, defaults included.
    Show,
    /// Say whether the file is valid, and if not, where and why.
    Check,
}

pub fn run(command: &Command, path: Option<&Path>, form: Form) -> Result<()> {
    let config = Config::load(path)?;
    match command {
        Command::Show => {
            let text = toml::to_string_pretty(&config)?;
            output::print(form, &config, |_| text)
        }
        Command::Check => {
            let tasks = config.tasks.len();
            let summary = serde_json::json!({ "valid": true, "tasks": tasks });
            output::print(form, &summary, |_| format!("valid: {tasks} task(s)"))
        }
    }
}
