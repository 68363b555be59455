//! `freehold init`: writes a commented `freehold.toml` and makes the state folder.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_vocabulary::TaskName;

use crate::config::{Config, FILE};
use crate::output::{self, Form};

/// Make a portfolio here: a commented freehold.toml with one classification task.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder; it is made if it does not exist.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The organisation's name, as reports show it.
    #[arg(long, default_value = "acme")]
    name: String,
    /// The first task.
    #[arg(long, default_value = "ticket-triage")]
    task: TaskName,
}

/// The template; every figure in it carries its date and source.
const TEMPLATE: &str = include_str!("../../templates/freehold.toml");

pub fn run(arguments: &Arguments, form: Form) -> Result<()> {
    let path = arguments.folder.join(FILE);
    if path.exists() {
        bail!("{} exists; it is left as it is", path.display());
    }
    let quoted = toml::Value::String(arguments.name.clone()).to_string();
    let text =
        TEMPLATE.replace("\"ORGANISATION\"", &quoted).replace("TASK", arguments.task.as_str());
    Config::parse(&text, arguments.folder.clone())
        .context("the template does not fit these names")?;
    std::fs::create_dir_all(arguments.folder.join(".freehold"))
        .with_context(|| format!("{} cannot be made", arguments.folder.display()))?;
    let mut file = std::fs::File::create_new(&path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(text.as_bytes())?;
    let written = serde_json::json!({ "written": path });
    output::print(form, &written, |_| {
        format!("wrote {} and its state folder .freehold/", path.display())
    })?;
    output::next(form, &format!("freehold data import {} tickets.csv", arguments.task));
    Ok(())
}
