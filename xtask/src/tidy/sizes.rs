//! Files and functions stay short enough to be read.

use std::path::Path;

use anyhow::Result;

use super::Finding;
use crate::source::SourceFile;

/// Longest file in lines, inline tests not counted.
const FILE_LINES_MAX: usize = 500;
/// Longest function in lines, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 100;

pub fn check(_root: &Path, files: &[SourceFile]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        let lines: Vec<&str> = file.production().collect();
        if lines.len() > FILE_LINES_MAX {
            let path = file.path.display();
            findings.push(format!("{path} has {} lines, at most {FILE_LINES_MAX}", lines.len()));
        }
        for (start, length) in functions(&lines) {
            if length > FUNCTION_LINES_MAX {
                let (path, line) = (file.path.display(), start + 1);
                findings.push(format!(
                    "{path}:{line} is a function of {length} lines, at most {FUNCTION_LINES_MAX}"
                ));
            }
        }
    }
    Ok(findings)
}

/// Start and length of each function; formatted code closes a function at its own indentation.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let signature = [
            "fn ",
            "pub fn ",
            "async fn ",
            "pub async fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "unsafe fn ",
            "pub unsafe fn ",
            "const fn ",
            "pub const fn ",
        ];
        if !signature.iter().any(|it| trimmed.starts_with(it)) {
            continue;
        }
        // A declaration in a trait has no body.
        let head = lines[start..].iter().find(|it| it.ends_with(['{', ';', '}']));
        if head.is_none_or(|it| !it.ends_with('{')) {
            continue;
        }
        let indentation = &line[..line.len() - trimmed.len()];
        let close = format!("{indentation}}}");
        let end = lines[start..].iter().position(|it| *it == close);
        if let Some(length) = end {
            found.push((start, length + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_ends_at_its_own_indentation() {
        let text = ["impl A {", "    pub fn f() {", "        if x {", "        }", "    }", "}"];
        assert_eq!(functions(&text), [(1, 4)]);
    }
}
