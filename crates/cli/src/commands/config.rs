//! `freehold config`: shows and checks the configuration.

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;
use freehold_economics::Day;
use freehold_vocabulary::Clock as _;

use crate::clock::SystemClock;
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
            let today = Day::of(SystemClock.now());
            config.prices.check_today(today)?;
            let stale = config.prices.stale(today, config.economics.price_stale_after_days);
            let warnings: Vec<String> = stale.iter().map(ToString::to_string).collect();
            let summary =
                serde_json::json!({ "valid": true, "tasks": tasks, "warnings": warnings });
            output::print(form, &summary, |_| {
                let warned: String = warnings.iter().map(|it| format!("warning: {it}\n")).collect();
                format!("{warned}valid: {tasks} task(s)")
            })
        }
    }
}
