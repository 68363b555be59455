//! The house rules as checks, in a visible table. Limits are only ever tightened.

mod edges;
mod module_docs;
mod names;
mod sizes;
mod tables;

use std::path::Path;

use anyhow::{Result, bail};

use crate::source::{self, SourceFile};

/// One broken rule: where and what.
pub type Finding = String;

/// A rule looks at the tree and lists what breaks it.
type Rule = fn(&Path, &[SourceFile]) -> Result<Vec<Finding>>;

/// Every rule, in the order in which they are reported.
const RULES: &[(&str, Rule)] = &[
    ("crate edges", edges::check),
    ("file and function sizes", sizes::check),
    ("module docs", module_docs::check),
    ("file names", names::check),
    ("plug-in tables", tables::check),
];

/// Runs every rule and fails if any finds something.
pub fn run(root: &Path) -> Result<()> {
    let files = source::all(root)?;
    let mut count = 0;
    for (name, rule) in RULES {
        for finding in rule(root, &files)? {
            eprintln!("{name}: {finding}");
            count += 1;
        }
    }
    if count > 0 {
        bail!("{count} house rule(s) broken");
    }
    println!("tidy: {} rules hold over {} files", RULES.len(), files.len());
    Ok(())
}
