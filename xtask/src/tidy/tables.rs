//! A plug-in is one file and one line in a visible table: no file may be missing from its table.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Finding;
use crate::source::SourceFile;

/// Table file → folder of plug-ins.
const TABLES: &[(&str, &str)] = &[
    ("crates/curation/src/checks.rs", "crates/curation/src/checks"),
    ("crates/engines/src/remote/providers.rs", "crates/engines/src/remote/providers"),
    ("crates/curation/src/deidentify.rs", "crates/curation/src/deidentify"),
    (
        "crates/deidentification/src/redaction/operators.rs",
        "crates/deidentification/src/redaction/operators",
    ),
    ("crates/deidentification/src/recognisers.rs", "crates/deidentification/src/recognisers"),
    ("crates/evaluation/src/metrics.rs", "crates/evaluation/src/metrics"),
    ("crates/traces/src/questions.rs", "crates/traces/src/questions"),
    ("xtask/src/tidy.rs", "xtask/src/tidy"),
];

pub fn check(root: &Path, _files: &[SourceFile]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (table, folder) in TABLES {
        let text =
            std::fs::read_to_string(root.join(table)).with_context(|| format!("read {table}"))?;
        let entries =
            std::fs::read_dir(root.join(folder)).with_context(|| format!("read {folder}"))?;
        for entry in entries {
            let path = entry?.path();
            let Some(stem) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
            else {
                continue;
            };
            // Once to declare the module, once more in the table.
            let mentions = text.matches(&format!("{stem}::")).count();
            if path.extension().is_some_and(|it| it == "rs") && mentions == 0 {
                findings.push(format!("{folder}/{stem}.rs is missing from the table in {table}"));
            }
        }
    }
    Ok(findings)
}
