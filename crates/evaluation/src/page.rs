//! Self-contained pages: one file, no script, no resource from elsewhere, light and dark, good to
//! print. [`evaluation`] shows one record, [`summary`] a whole loop.
//!
//! Everything that comes from data passes through [`escape`]: labels and slices are hostile
//! until proven otherwise. The drawing is ours, since a plot is forty lines of SVG.

pub mod evaluation;
mod figures;
mod format;
mod plot;
pub mod summary;
mod svg;
mod table;

pub use evaluation::html;
pub use summary::{CostLine, FunnelStep, LoopReport, ModelLine, loop_html};

const STYLE: &str = include_str!("page/style.css");

/// Text that is safe in HTML and SVG, in content and in quoted attributes. Control characters
/// and those that reorder text become a replacement mark.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            control if control.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// The whole document around a body that is already HTML.
fn document(title: &str, body: &str) -> String {
    let title = escape(title);
    // The policy makes the browser refuse whatever an oversight might let in.
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"Freehold\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         </body>\n</html>\n"
    )
}

/// A section with a heading; empty content gives nothing.
fn section(heading: &str, content: &str) -> String {
    if content.is_empty() {
        return String::new();
    }
    format!("<section>\n<h2>{}</h2>\n{content}</section>\n", escape(heading))
}

/// A framed box; empty content gives nothing.
fn panel(content: &str) -> String {
    if content.is_empty() {
        String::new()
    } else {
        format!("<div class=\"panel\">{content}</div>\n")
    }
}

#[cfg(test)]
mod tests;
