//! Whether a row can be used, and what it says.
//!
//! Refuses rather than repairs: the only changes are trimmed ends of text and labels.

use freehold_vocabulary::{Label, LabelMode, Split};

use super::columns::{LabelCells, Mapping};
use super::format::Cell;
use super::report::Reason;
use crate::request::{ImportRequest, Limits};

/// Judges the rows of one file.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) mapping: &'a Mapping,
    pub(crate) mode: LabelMode,
    pub(crate) label_separator: Option<&'a str>,
    pub(crate) out_of_scope: &'a [String],
    pub(crate) limits: &'a Limits,
    /// The split for which the file was given.
    pub(crate) file_split: Option<Split>,
}

/// A row that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) text: String,
    pub(crate) labels: Vec<Label>,
    pub(crate) split: Option<Split>,
    pub(crate) slices: Vec<Option<String>>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(
        request: &'a ImportRequest,
        mapping: &'a Mapping,
        file_split: Option<Split>,
    ) -> Self {
        Self {
            mapping,
            mode: request.mode,
            label_separator: request.label_separator.as_deref(),
            out_of_scope: &request.out_of_scope,
            limits: &request.limits,
            file_split,
        }
    }

    /// Reads one row. The cells stand in the order of the mapping's selection.
    pub(crate) fn judge(&self, cells: &[Cell]) -> Result<Judged, Reason> {
        let text = self.text(&cells[self.mapping.text])?;
        let labels = self.labels(cells)?;
        let split = self.split(self.mapping.split.map(|it| &cells[it]))?;
        let slices = self.mapping.slices.iter().zip(&self.mapping.resolved.slices);
        let slices = slices.map(|(it, name)| self.slice(&cells[*it], name));
        Ok(Judged { text, labels, split, slices: slices.collect::<Result<_, _>>()? })
    }

    fn text(&self, cell: &Cell) -> Result<String, Reason> {
        let column = || self.mapping.resolved.text.clone().unwrap_or_default();
        match cell {
            Cell::Missing => Err(Reason::MissingText),
            Cell::Text(text) => check_text(text, self.limits).map(str::to_owned),
            Cell::List(_) => Err(Reason::WrongType { column: column(), found: "a list" }),
            Cell::Other(found) => Err(Reason::WrongType { column: column(), found }),
        }
    }

    fn labels(&self, cells: &[Cell]) -> Result<Vec<Label>, Reason> {
        let values: Vec<&str> = match &self.mapping.labels {
            LabelCells::One(cell) => self.values_of_cell(&cells[*cell])?,
            LabelCells::Several(several) => {
                let mut values = Vec::new();
                for cell in several {
                    match &cells[*cell] {
                        Cell::Missing => {}
                        Cell::Text(text) if text.trim().is_empty() => {}
                        other => values.extend(self.values_of_cell(other)?),
                    }
                }
                values
            }
            LabelCells::Indicators(indicators) => {
                let mut values = Vec::new();
                for (cell, label) in indicators {
                    if indicated(&cells[*cell], label)? {
                        values.push(label.as_str());
                    }
                }
                values
            }
        };
        self.parse_labels(&values)
    }

    fn values_of_cell<'c>(&self, cell: &'c Cell) -> Result<Vec<&'c str>, Reason> {
        match cell {
            Cell::Missing => self.missing_label(),
            Cell::Text(text) => {
                let mut values = match (self.mode, self.label_separator) {
                    (LabelMode::Multi, Some(separator)) => text.split(separator).collect(),
                    _ => vec![text.as_str()],
                };
                values.retain(|it| !it.trim().is_empty());
                if values.is_empty() { self.missing_label() } else { Ok(values) }
            }
            // A list says by itself that it is empty; one label of none is still missing.
            Cell::List(items) if items.is_empty() && self.mode == LabelMode::Single => {
                self.missing_label()
            }
            Cell::List(items) => Ok(items.iter().map(String::as_str).collect()),
            Cell::Other(found) => Err(Reason::WrongType { column: "label".to_owned(), found }),
        }
    }

    fn missing_label<'c>(&self) -> Result<Vec<&'c str>, Reason> {
        if self.out_of_scope.iter().any(String::is_empty) {
            return Ok(Vec::new());
        }
        Err(Reason::MissingLabel)
    }

    fn parse_labels(&self, values: &[&str]) -> Result<Vec<Label>, Reason> {
        let unfolded: Vec<String>;
        let mut values = values.to_vec();
        // A CSV cell may hold a JSON list.
        if let (LabelMode::Multi, [single]) = (self.mode, values.as_slice())
            && single.trim_start().starts_with('[')
            && let Ok(items) = serde_json::from_str::<Vec<String>>(single)
        {
            unfolded = items;
            values = unfolded.iter().map(String::as_str).collect();
        }
        let max = self.limits.labels_per_row_max;
        if values.len() > max as usize {
            return Err(Reason::TooManyLabels { found: values.len(), max });
        }
        values.retain(|it| !self.out_of_scope.iter().any(|oos| oos == it.trim()));
        let mut labels = Vec::with_capacity(values.len());
        for value in values {
            check_characters(value.trim())?;
            labels.push(Label::parse(value).map_err(|it| Reason::InvalidLabel(it.to_string()))?);
        }
        labels.sort_unstable();
        labels.dedup();
        match (self.mode, labels.len()) {
            (LabelMode::Single, found @ 2..) => Err(Reason::SeveralLabels(found)),
            _ => Ok(labels),
        }
    }

    fn split(&self, cell: Option<&Cell>) -> Result<Option<Split>, Reason> {
        let text = match cell {
            Some(Cell::Text(text)) if !text.trim().is_empty() => text,
            _ => return Ok(self.file_split),
        };
        let column = Split::parse(text).ok_or_else(|| Reason::UnknownSplit(excerpt(text)))?;
        match self.file_split {
            Some(file) if file != column => Err(Reason::ContradictorySplit { column, file }),
            _ => Ok(Some(column)),
        }
    }

    fn slice(&self, cell: &Cell, column: &str) -> Result<Option<String>, Reason> {
        let column = || column.to_owned();
        let value = match cell {
            Cell::Missing => return Ok(None),
            Cell::Text(text) => text.trim().to_owned(),
            Cell::List(items) => items.join(", "),
            Cell::Other(found) => return Err(Reason::WrongType { column: column(), found }),
        };
        let (bytes, max) = (value.len(), self.limits.slice_bytes_max);
        if bytes > max as usize {
            return Err(Reason::SliceTooLong { column: column(), bytes, max });
        }
        check_characters(&value)?;
        Ok(if value.is_empty() { None } else { Some(value) })
    }
}

/// The text without its blank ends, if it can be an example's text.
pub(crate) fn check_text<'t>(text: &'t str, limits: &Limits) -> Result<&'t str, Reason> {
    let (text, max) = (text.trim(), limits.text_bytes_max);
    if text.is_empty() {
        return Err(Reason::EmptyText);
    }
    if text.len() > max as usize {
        return Err(Reason::TextTooLong { bytes: text.len(), max });
    }
    check_characters(text)?;
    Ok(text)
}

fn indicated(cell: &Cell, column: &str) -> Result<bool, Reason> {
    let value = match cell {
        Cell::Missing => return Ok(false),
        Cell::Text(text) => text.trim(),
        Cell::List(_) => "a list",
        Cell::Other(found) => found,
    };
    match value.to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" => Ok(true),
        "" | "0" | "0.0" | "false" => Ok(false),
        _ => Err(Reason::NotAnIndicator { column: column.to_owned(), value: excerpt(value) }),
    }
}

/// Tabs and line ends are text; other control characters are damage or an attack on a terminal.
fn check_characters(text: &str) -> Result<(), Reason> {
    let damaged = |c: char| {
        c == char::REPLACEMENT_CHARACTER
            || (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
    };
    match text.chars().find(|c| damaged(*c)) {
        None => Ok(()),
        Some(char::REPLACEMENT_CHARACTER) => Err(Reason::InvalidBytes),
        Some(control) => Err(Reason::ControlCharacter(control.into())),
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
