//! Measures Freehold beside its public peers and writes BENCHMARKS.md.

use std::path::Path;

use anyhow::{Result, bail};

/// A benchmark measures and returns its section of BENCHMARKS.md.
type Bench = fn(&Path) -> Result<String>;

/// Every benchmark, in the order of the page.
const BENCHES: &[(&str, Bench)] = &[];

/// The names for the usage line.
pub fn names() -> String {
    BENCHES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("|")
}

/// Runs the named benchmarks, or all.
pub fn run(root: &Path, which: &[&str]) -> Result<()> {
    if let Some(unknown) = which.iter().find(|it| BENCHES.iter().all(|(name, _)| name != *it)) {
        bail!("there is no benchmark `{unknown}`; there are {}", names());
    }
    let _ = root;
    Ok(())
}
