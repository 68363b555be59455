//! `freehold data`: labelled files become immutable, checked, split dataset versions.

mod append;
mod import;
mod split;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;
use freehold_curation::{DatasetSummary, ExportRequest, Finding};
use freehold_vocabulary::Split;
use serde_json::json;

use crate::output;
use crate::wiring::Session;

/// Import, look at, compare and export datasets.
#[derive(Debug, Subcommand)]
pub enum Command {
    Import(Box<import::Arguments>),
    Append(append::Arguments),
    Split(split::Arguments),
    /// Every dataset with its newest version.
    List,
    /// What a version holds: splits, labels, a few rows.
    Show {
        /// A name or the beginning of a digest.
        dataset: String,
        /// Rows to print.
        #[arg(long, default_value_t = 5)]
        samples: usize,
    },
    /// Look for duplicates, conflicts, leakage, tiny classes and misspelt labels.
    Check {
        dataset: String,
    },
    /// What changed between two versions.
    Diff {
        from: String,
        to: String,
    },
    /// Write a version as .csv, .jsonl or .parquet.
    Export {
        dataset: String,
        #[arg(long, short)]
        output: PathBuf,
        /// Only these splits.
        #[arg(long = "split", value_parser = parse_split)]
        splits: Vec<Split>,
    },
}

fn parse_split(text: &str) -> Result<Split, String> {
    Split::parse(text)
        .ok_or_else(|| format!("`{text}` is none of train, validation, calibration, test"))
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::Import(arguments) => import::run(arguments, session),
        Command::Append(arguments) => append::run(arguments, session),
        Command::Split(arguments) => split::run(arguments, session),
        Command::List => list(session),
        Command::Show { dataset, samples } => show(session, dataset, *samples),
        Command::Check { dataset } => check(session, dataset),
        Command::Diff { from, to } => diff(session, from, to),
        Command::Export { dataset, output, splits } => export(session, dataset, output, splits),
    }
}

fn list(session: &Session) -> Result<()> {
    let named = session.wait(session.ledger.datasets())?;
    output::print(session.form, &named, |named| {
        let row = |it: &freehold_ledger::NamedDataset| {
            vec![it.name.to_string(), it.digest.short().to_owned(), it.at.to_string()]
        };
        output::table(&["name", "digest", "imported"], &named.iter().map(row).collect::<Vec<_>>())
    })
}

fn show(session: &Session, reference: &str, samples: usize) -> Result<()> {
    let digest = session.dataset_digest(reference)?;
    let summary = session.dataset(&digest)?.show(samples)?;
    let labels: Vec<&str> = summary.labels.iter().map(|it| it.label.as_str()).collect();
    let shown = json!({ "digest": digest, "labels": labels, "summary": summary });
    output::print(session.form, &shown, |_| describe(&digest.to_string(), &summary))
}

fn describe(digest: &str, it: &DatasetSummary) -> String {
    let mut text = format!("{} ({digest})\n{} rows, {} labels", it.name, it.rows, it.labels.len());
    for (split, rows) in &it.per_split {
        text += &format!(", {split} {rows}");
    }
    text += &format!(
        "\ntexts: {:.0} bytes on average, {} at most",
        it.text_bytes_mean, it.text_bytes_max
    );
    if let Some(licence) = &it.licence {
        text += &format!("\nlicence: {licence}");
    }
    text += "\n\n";
    let mut rows: Vec<Vec<String>> = it
        .labels
        .iter()
        .map(|label| vec![label.label.to_string(), label.rows.to_string()])
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row[1].parse::<u64>().unwrap_or(0)));
    text += &output::table(&["label", "rows"], &rows[..rows.len().min(20)]);
    if rows.len() > 20 {
        text += &format!("… and {} more\n", rows.len() - 20);
    }
    for example in &it.samples {
        let labels: Vec<&str> =
            example.labels.iter().map(freehold_vocabulary::Label::as_str).collect();
        let line: String =
            example.text.chars().take(90).map(|c| if c.is_control() { ' ' } else { c }).collect();
        text += &format!("\n[{}] {line}", labels.join(", "));
    }
    text
}

fn check(session: &Session, reference: &str) -> Result<()> {
    let digest = session.dataset_digest(reference)?;
    let findings = session.dataset(&digest)?.check(&session.progress)?;
    output::print(session.form, &findings, |findings| describe_findings(findings))
}

/// Findings for people: what, how many, what to do, an example each.
pub fn describe_findings(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "nothing to report".to_owned();
    }
    let mut text = String::new();
    for finding in findings {
        text += &format!("{:?}: {}\n  {}\n", finding.severity, finding.summary, finding.remedy);
        if let Some(exhibit) = finding.examples.first() {
            for row in exhibit.rows.iter().take(2) {
                let labels: Vec<&str> =
                    row.labels.iter().map(freehold_vocabulary::Label::as_str).collect();
                text += &format!("    {} [{}] {}\n", row.source, labels.join(", "), row.text);
            }
        }
    }
    text
}

fn diff(session: &Session, from: &str, to: &str) -> Result<()> {
    let (from, to) = (session.dataset_digest(from)?, session.dataset_digest(to)?);
    let diff = session.dataset(&from)?.diff(&session.dataset(&to)?, 20)?;
    output::print(session.form, &diff, |it| {
        let mut text = format!(
            "{} unchanged, {} added, {} removed, {} relabelled, {} moved to another split",
            it.unchanged, it.added, it.removed, it.relabelled, it.moved
        );
        for change in &it.changes {
            text += &format!("\n  {}", serde_json::to_string(change).unwrap_or_default());
        }
        text
    })
}

fn export(
    session: &Session,
    reference: &str,
    path: &std::path::Path,
    splits: &[Split],
) -> Result<()> {
    if path.is_dir() {
        bail!("{} is a folder; name a file", path.display());
    }
    let digest = session.dataset_digest(reference)?;
    let mut request = ExportRequest::new(path)?;
    request.splits = splits.to_vec();
    let rows = session.dataset(&digest)?.export(&request, &session.progress)?;
    let done = json!({ "rows": rows, "path": path });
    output::print(session.form, &done, |_| format!("wrote {rows} rows to {}", path.display()))
}
