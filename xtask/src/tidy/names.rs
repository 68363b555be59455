//! Files are named by their concept.

use std::path::Path;

use anyhow::Result;

use super::Finding;
use crate::source::SourceFile;

/// Names that say nothing, and the old module form.
const REFUSED: &[&str] = &[
    "mod.rs",
    "utils.rs",
    "util.rs",
    "helpers.rs",
    "helper.rs",
    "common.rs",
    "types.rs",
    "misc.rs",
];

pub fn check(_root: &Path, files: &[SourceFile]) -> Result<Vec<Finding>> {
    let refused = files.iter().filter(|file| {
        let name = file.path.file_name().unwrap_or_default();
        REFUSED.iter().any(|it| name == *it)
    });
    Ok(refused.map(|file| format!("{} is not named by a concept", file.path.display())).collect())
}
