//! The figures: each one a drawing, a sentence on how to read it, and its numbers as a table.

pub(super) mod class_bars;
pub(super) mod confusion;
pub(super) mod dots;
pub(super) mod funnel;
pub(super) mod latency;
pub(super) mod reliability;
pub(super) mod risk_coverage;

use super::escape;
use super::table::Table;

/// How much room a figure takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Width {
    /// One column of two.
    Half,
    /// The whole page.
    Full,
    /// The whole page, with the numbers open beside the drawing.
    Beside,
}

/// A drawing with heading, caption and numbers. `drawing` is markup of this crate.
pub(super) fn figure(
    heading: &str,
    caption: &str,
    drawing: &str,
    numbers: Table,
    width: Width,
) -> String {
    let class = match width {
        Width::Half => "",
        Width::Full => " class=\"wide\"",
        Width::Beside => " class=\"wide beside\"",
    };
    let table = numbers.finish();
    let numbers = if table.is_empty() || matches!(width, Width::Beside) {
        table
    } else {
        format!("<details><summary>Numbers</summary>\n{table}</details>\n")
    };
    format!(
        "<figure{class}>\n<h3>{}</h3>\n{drawing}<figcaption>{}</figcaption>\n{numbers}</figure>\n",
        escape(heading),
        escape(caption)
    )
}
