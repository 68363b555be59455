//! `freehold models`: the registry of versions and the aliases that point at them.

mod card;
mod promote;
mod upkeep;

pub use upkeep::repair_first;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;
use freehold_artifacts::{ArtifactKind, NodeState};
use freehold_ledger::VersionRow;
use freehold_vocabulary::{AliasName, Digest, TaskName};
use serde_json::json;

use super::Refused;
use crate::output;
use crate::wiring::Session;

/// List, show, promote, roll back, verify and export model versions.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Versions, newest first, with their aliases and their latest headline figure.
    List {
        #[arg(long)]
        task: Option<TaskName>,
    },
    /// One version: family, labels, lineage, files.
    Show {
        version: String,
    },
    /// From a version back to its run, data, base and reports.
    Lineage {
        version: String,
    },
    Promote(promote::Arguments),
    /// Point an alias back at the version before.
    Rollback {
        task: TaskName,
        #[arg(long = "as", default_value = "champion")]
        alias: AliasName,
        #[arg(long)]
        why: String,
        #[arg(long, default_value = "local")]
        by: String,
    },
    /// Every move of an alias: who, when, why, and what the gate said.
    History {
        task: TaskName,
        #[arg(long = "as", default_value = "champion")]
        alias: AliasName,
    },
    /// Check every byte of one version, or of the whole store.
    Verify {
        version: Option<String>,
        /// First rebuild the store's table of contents (`index.json`) from the blobs, if it is
        /// lost or damaged. Aliases live in the ledger and are not touched.
        #[arg(long, conflicts_with = "version")]
        repair: bool,
    },
    /// Remove blobs that nothing reaches: not the store's index, not the ledger, and nothing behind
    /// either. Killed writers leave such blobs; they harm nothing but take space.
    Gc {
        /// Only say what would go.
        #[arg(long)]
        dry_run: bool,
    },
    /// Write the files of a version into a folder that other tools read.
    Export {
        version: String,
        #[arg(long, short)]
        output: PathBuf,
    },
    /// The model card, in Markdown.
    Card {
        version: String,
    },
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::List { task } => list(session, task.as_ref()),
        Command::Show { version } => show(session, version),
        Command::Lineage { version } => lineage(session, version),
        Command::Promote(arguments) => promote::run(arguments, session),
        Command::Rollback { task, alias, why, by } => {
            promote::roll_back(session, task, alias, why, by)
        }
        Command::History { task, alias } => history(session, task, alias),
        Command::Verify { version, .. } => verify(session, version.as_deref()),
        Command::Gc { dry_run } => upkeep::collect(session, *dry_run),
        Command::Export { version, output } => {
            let found = session.version(version)?;
            session.store.export(&found.digest, output)?;
            output::print(session.form, &json!({ "folder": output }), |_| {
                format!("wrote {} to {}", found.digest.short(), output.display())
            })
        }
        Command::Card { version } => card::run(session, version),
    }
}

/// Every version, from the ledger's index; rebuilt from the store when the two disagree.
fn versions(session: &Session, task: Option<&TaskName>) -> Result<Vec<VersionRow>> {
    let stored = session.store.list(ArtifactKind::ModelVersion)?;
    let listed = session.wait(session.ledger.versions(None))?;
    if stored.len() != listed.len() {
        let mut rows = Vec::new();
        for it in &stored {
            let artifact = session.store.get(&it.digest)?;
            if let Some(version) = artifact.version() {
                rows.push(VersionRow {
                    digest: it.digest.clone(),
                    task: version.task.clone(),
                    family: version.family,
                    created_at: version.created_at,
                });
            }
        }
        session.wait(session.ledger.rebuild_versions(&rows))?;
    }
    session.wait(session.ledger.versions(task))
}

fn list(session: &Session, task: Option<&TaskName>) -> Result<()> {
    let aliases = session.wait(session.ledger.current_aliases())?;
    let mut shown = Vec::new();
    for row in versions(session, task)? {
        let names: Vec<String> = aliases
            .iter()
            .filter(|it| it.task == row.task && it.to.as_ref() == Some(&row.digest))
            .map(|it| it.alias.to_string())
            .collect();
        let evaluations = session.wait(session.ledger.evaluations_of(&row.digest))?;
        shown.push(json!({
            "digest": row.digest, "task": row.task, "family": row.family, "created_at": row.created_at,
            "aliases": names, "headline": evaluations.first().map(|it| it.headline),
        }));
    }
    output::print(session.form, &shown, |shown| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
        let row = |it: &serde_json::Value| {
            let aliases: Vec<String> =
                it["aliases"].as_array().into_iter().flatten().map(text).collect();
            let headline = serde_json::from_value(it["headline"].clone()).ok();
            vec![
                text(&it["digest"]).chars().skip(7).take(12).collect(),
                text(&it["task"]),
                text(&it["family"]),
                headline.as_ref().map_or_else(|| "-".to_owned(), output::interval),
                aliases.join(", "),
            ]
        };
        output::table(
            &["digest", "task", "family", "accuracy", "aliases"],
            &shown.iter().map(row).collect::<Vec<_>>(),
        )
    })
}

fn show(session: &Session, reference: &str) -> Result<()> {
    let found = session.version(reference)?;
    let artifact = session.artifact(&found.digest, ArtifactKind::ModelVersion)?;
    let files: Vec<serde_json::Value> = artifact
        .files()
        .iter()
        .map(|file| json!({ "name": file.name, "bytes": file.bytes, "digest": file.digest }))
        .collect();
    let policy = session.policy(&found.digest)?;
    let certificate = policy.and_then(|policy| policy.certificate);
    let shown = json!({ "digest": found.digest, "version": found.version, "files": files, "certificate": certificate });
    output::print(session.form, &shown, |_| {
        let version = &found.version;
        let mut text = format!(
            "{}\n{} model of {}, {} labels, made {}\n",
            found.digest,
            serde_json::to_value(version.family)
                .map_or_else(|_| String::new(), |it| it.as_str().unwrap_or("").to_owned()),
            version.task,
            version.labels.len(),
            version.created_at
        );
        if let Some(it) = &certificate {
            text += &format!("certificate: {}\n", it.statement());
        }
        for file in artifact.files() {
            text += &format!("  {:>10}  {}\n", file.bytes, file.name);
        }
        text
    })
}

fn lineage(session: &Session, reference: &str) -> Result<()> {
    let found = session.version(reference)?;
    let graph = session.store.lineage(&found.digest)?;
    output::print(session.form, &graph, |graph| {
        let mut text = String::new();
        for node in &graph.nodes {
            match &node.state {
                NodeState::Present { kind, links } => {
                    text += &format!("{} {kind}\n", node.digest.short());
                    for link in links {
                        text += &format!("  {:<10} {}\n", link.role.as_str(), link.digest.short());
                    }
                }
                NodeState::Missing => text += &format!("{} missing\n", node.digest.short()),
                NodeState::Damaged { why } => {
                    text += &format!("{} damaged: {why}\n", node.digest.short())
                }
            }
        }
        text
    })
}

fn history(session: &Session, task: &TaskName, alias: &AliasName) -> Result<()> {
    let moves = session.wait(session.ledger.alias_history(task, alias))?;
    output::print(session.form, &moves, |moves| {
        let row = |it: &freehold_ledger::AliasMove| {
            let gate = match it.gate["passed"].as_bool() {
                Some(true) => "passed",
                Some(false) => "overruled",
                None => "-",
            };
            vec![
                it.at.to_string(),
                it.to.as_ref().map_or("-", Digest::short).to_owned(),
                it.by.clone(),
                gate.to_owned(),
                it.why.clone(),
            ]
        };
        output::table(
            &["when", "to", "by", "gate", "why"],
            &moves.iter().map(row).collect::<Vec<_>>(),
        )
    })
}

fn verify(session: &Session, reference: Option<&str>) -> Result<()> {
    let report = match reference {
        Some(reference) => {
            // A damaged version may not be readable; its digest still names it.
            let digest = session
                .version(reference)
                .map(|it| it.digest)
                .or_else(|_| session.store.resolve(reference))?;
            session.store.verify(&digest)?
        }
        None => session.store.verify_all()?,
    };
    let faults: Vec<String> = report
        .faults()
        .map(|it| {
            format!(
                "{} ({}): {}",
                it.name,
                it.digest.short(),
                serde_json::to_string(&it.state).unwrap_or_default()
            )
        })
        .collect();
    output::print(session.form, &report, |report| {
        format!(
            "{} blobs checked, {} at fault\n{}",
            report.blobs.len(),
            faults.len(),
            faults.join("\n")
        )
    })?;
    if !faults.is_empty() {
        bail!(Refused(format!("the store is damaged: {}", faults.join("; "))));
    }
    Ok(())
}
