//! Rust files as tidy sees them: lines, with the inline tests cut off.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// One file of ours.
#[derive(Debug)]
pub struct SourceFile {
    /// Relative to the workspace root.
    pub path: PathBuf,
    pub text: String,
}

impl SourceFile {
    /// The lines before `#[cfg(test)]`, since tests may be as long as they need.
    pub fn production(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"))
    }

    /// Whether the whole file is test, example or benchmark code.
    pub fn is_test(&self) -> bool {
        let in_folder = |name: &str| self.path.components().any(|part| part.as_os_str() == name);
        in_folder("tests")
            || in_folder("examples")
            || in_folder("benches")
            || self.path.file_name().is_some_and(|name| name == "tests.rs")
    }
}

/// Every `.rs` file under `crates/` and `xtask/`, in path order.
pub fn all(root: &Path) -> Result<Vec<SourceFile>> {
    let mut paths = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&root.join(folder), &mut paths)?;
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
        Ok(SourceFile { path, text })
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}
