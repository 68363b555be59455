//! Every file says what it is.

use std::path::Path;

use anyhow::Result;

use super::Finding;
use crate::source::SourceFile;

pub fn check(_root: &Path, files: &[SourceFile]) -> Result<Vec<Finding>> {
    let silent = files.iter().filter(|file| !file.is_test() && !file.text.starts_with("//! "));
    Ok(silent.map(|file| format!("{} does not begin with `//! `", file.path.display())).collect())
}
