//! What commands print: sentences and tables for people, one JSON document for machines.

use anyhow::Result;
use serde::Serialize;

/// How a command speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Human,
    Json,
}

/// Prints `value` as JSON, or what `human` writes.
pub fn print<T: Serialize>(form: Form, value: &T, human: impl FnOnce(&T) -> String) -> Result<()> {
    match form {
        Form::Json => println!("{}", serde_json::to_string_pretty(value)?),
        Form::Human => {
            let text = human(value);
            print!("{text}{}", if text.ends_with('\n') { "" } else { "\n" });
        }
    }
    Ok(())
}

/// Says what to do next; only to people.
pub fn next(form: Form, step: &str) {
    if form == Form::Human {
        println!("\nnext: {step}");
    }
}

/// An error with its causes. A cause that the message before it has quoted is not said again.
pub fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        if said.is_empty() {
            cause
        } else if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

/// A table with left-aligned columns.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| {
            format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count())))
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(header.to_vec());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// `0.9360` as `93.60 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// An interval as `93.60 % (92.7–94.4, n = 3080)`.
pub fn interval(it: &freehold_vocabulary::Interval) -> String {
    format!(
        "{:.2} % ({:.2}–{:.2} at {:.0} %, n = {})",
        100.0 * it.estimate,
        100.0 * it.low,
        100.0 * it.high,
        100.0 * it.level,
        it.n
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(causes: &[&'static str], expected: &str) {
        let mut causes = causes.iter();
        let innermost = anyhow::Error::msg(*causes.next().expect("at least one cause"));
        let error = causes.fold(innermost, |error, it| error.context(*it));
        assert_eq!(sentence(&error), expected);
    }

    #[test]
    fn every_cause_is_said_once() {
        check(&["no space"], "no space");
        check(&["no space", "cannot write `a`"], "cannot write `a`: no space");
        check(&["no space", "cannot write `a`: no space"], "cannot write `a`: no space");
        check(&["x", "no space", "cannot write: no space"], "cannot write: no space: x");
    }
}
