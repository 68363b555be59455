//! Which crate may depend on which: the direction of the house.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Finding;
use crate::source::SourceFile;

/// Crate → the crates of ours that it may name. A new edge is a decision: add it here, with the
/// reason in ARCHITECTURE.md.
const ALLOWED: &[(&str, &[&str])] = &[
    ("vocabulary", &[]),
    ("ledger", &["vocabulary"]),
    ("ledger-sql", &["vocabulary", "ledger"]),
    ("deidentification", &["vocabulary"]),
    ("curation", &["vocabulary", "deidentification"]),
    ("economics", &["vocabulary"]),
    ("evaluation", &["vocabulary"]),
    ("routing", &["vocabulary", "evaluation"]),
    ("artifacts", &["vocabulary"]),
    ("traces", &["vocabulary"]),
    ("models", &["vocabulary"]),
    ("engines", &["vocabulary", "models"]),
    ("training", &["vocabulary", "models"]),
    ("gateway", &["vocabulary", "ledger", "economics", "routing"]),
    (
        "cli",
        &[
            "vocabulary",
            "ledger",
            "ledger-sql",
            "curation",
            "deidentification",
            "economics",
            "evaluation",
            "routing",
            "artifacts",
            "traces",
            "models",
            "engines",
            "training",
            "gateway",
        ],
    ),
];

pub fn check(root: &Path, _files: &[SourceFile]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(root.join("crates")).context("read crates/")? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((_, allowed)) = ALLOWED.iter().find(|(krate, _)| *krate == name) else {
            findings.push(format!("crates/{name} is not in the table of allowed edges"));
            continue;
        };
        let manifest = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest)
            .with_context(|| format!("read {}", manifest.display()))?;
        for dependency in dependencies(&text) {
            if !allowed.contains(&dependency.as_str()) {
                findings.push(format!("crates/{name} may not depend on crates/{dependency}"));
            }
        }
    }
    Ok(findings)
}

/// Our own crates under `[dependencies]`; development dependencies may point anywhere.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]"
            && let Some(rest) = line.strip_prefix("freehold-")
        {
            let end = rest.find(['.', ' ', '=']).unwrap_or(rest.len());
            found.push(rest[..end].to_owned());
        }
    }
    found
}
