//! What the two JSON readers share: records as rows, paths into an object, and values as cells.
//!
//! Nothing here reads a file; how records are found in one is the business of
//! [`lines`] and [`array`].

use std::fmt;

use serde_json::{Map, Value};

use super::format::{Cell, Opening, RowReader, Step};
use super::report::Reason;
use crate::error::CurationError;

pub(crate) mod array;
pub(crate) mod lines;

/// Objects whose keys make up the list of columns.
const COLUMNS_FROM: usize = 1000;
/// Nesting that is unfolded into column names.
const DEPTH_MAX: usize = 4;

/// The line on which a record starts, and its bytes unless it is refused unread.
type Record<'r> = (u64, Result<&'r [u8], Reason>);

/// The records of one file, one after the other.
trait Records: fmt::Debug + Sized + 'static {
    /// What is said of a file whose records are no objects.
    const NO_OBJECTS: &'static str;
    fn open(opening: &Opening<'_>) -> Result<Self, CurationError>;
    fn advance(&mut self) -> Result<Option<Record<'_>>, CurationError>;
    /// Bytes of the file that have been read.
    fn position(&self) -> u64;
}

/// Records as rows.
#[derive(Debug)]
struct JsonReader<R> {
    records: R,
    columns: Vec<String>,
    selected: Vec<String>,
}

fn open<R: Records>(opening: &Opening<'_>) -> Result<Box<dyn RowReader>, CurationError> {
    let mut first = R::open(opening)?;
    let mut names = ColumnNames::default();
    let columns_max = opening.limits.columns_max as usize;
    // A broken place is found again, and reported with its line, when rows are read.
    while let Ok(Some((_, record))) = first.advance() {
        if !record.map_or(true, |it| names.add(it, columns_max)) {
            break;
        }
    }
    if names.names.is_empty() && names.objects > 0 {
        let (file, reason) = (opening.name.to_owned(), R::NO_OBJECTS.to_owned());
        return Err(CurationError::Unreadable { file, reason });
    }
    let (records, columns) = (R::open(opening)?, names.names);
    Ok(Box::new(JsonReader { records, columns, selected: Vec::new() }))
}

impl<R: Records> RowReader for JsonReader<R> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn select(&mut self, columns: &[usize]) -> Result<(), CurationError> {
        self.selected = columns.iter().map(|it| self.columns[*it].clone()).collect();
        Ok(())
    }

    fn next(&mut self, cells: &mut Vec<Cell>) -> Result<Step, CurationError> {
        Ok(match self.records.advance()? {
            None => Step::End,
            Some((line, Ok(record))) => read_record(record, line, &self.selected, cells),
            Some((line, Err(reason))) => Step::Bad { line, reason },
        })
    }

    fn position(&self) -> u64 {
        self.records.position()
    }
}

/// The columns seen so far, in order of first appearance.
#[derive(Debug, Default)]
struct ColumnNames {
    names: Vec<String>,
    objects: usize,
}

impl ColumnNames {
    /// Adds the keys of one more record; false when enough were seen.
    fn add(&mut self, record: &[u8], columns_max: usize) -> bool {
        self.objects += 1;
        if let Ok(Value::Object(object)) = serde_json::from_slice(record) {
            self.unfold(&object, "", DEPTH_MAX, columns_max);
        }
        self.objects < COLUMNS_FROM
    }

    fn unfold(&mut self, object: &Map<String, Value>, prefix: &str, depth: usize, max: usize) {
        for (key, value) in object {
            let name = format!("{prefix}{key}");
            match value {
                Value::Object(inner) if depth > 1 && !inner.is_empty() => {
                    self.unfold(inner, &format!("{name}."), depth - 1, max);
                }
                _ if self.names.len() < max && !self.names.contains(&name) => {
                    self.names.push(name);
                }
                _ => {}
            }
        }
    }
}

/// Turns one record into cells.
fn read_record(record: &[u8], line: u64, selected: &[String], cells: &mut Vec<Cell>) -> Step {
    cells.clear();
    let object: Map<String, Value> = match serde_json::from_slice(record) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Step::Bad { line, reason: Reason::NotAnObject },
        Err(error) => {
            let reason = Reason::InvalidJson(error.to_string());
            return Step::Bad { line, reason };
        }
    };
    let mut object = object;
    cells
        .extend(selected.iter().map(|path| take(&mut object, path).map_or(Cell::Missing, cell_of)));
    Step::Row { line }
}

/// The value at `path`: the key itself if there is one, otherwise a way through the objects.
fn take(object: &mut Map<String, Value>, path: &str) -> Option<Value> {
    if let Some(value) = object.get_mut(path) {
        return Some(value.take());
    }
    path.match_indices('.').find_map(|(dot, _)| match object.get_mut(&path[..dot]) {
        Some(Value::Object(inner)) => take(inner, &path[dot + 1..]),
        _ => None,
    })
}

fn cell_of(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Missing,
        Value::String(text) => Cell::Text(text),
        Value::Bool(_) | Value::Number(_) => Cell::Text(value.to_string()),
        Value::Object(_) => Cell::Other("an object"),
        Value::Array(items) => {
            let scalars = items.into_iter().map(|it| match it {
                Value::String(text) => Some(text),
                Value::Bool(_) | Value::Number(_) => Some(it.to_string()),
                _ => None,
            });
            scalars.collect::<Option<Vec<_>>>().map_or(Cell::Other("a nested list"), Cell::List)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, path: &str, expected: Cell) {
        let mut cells = Vec::new();
        let step = read_record(record.as_bytes(), 1, &[path.to_owned()], &mut cells);
        assert_eq!(step, Step::Row { line: 1 });
        assert_eq!(cells, [expected], "{record} at {path}");
    }

    #[test]
    fn paths_reach_nested_values() {
        let text = |it: &str| Cell::Text(it.to_owned());
        check(r#"{"a": {"b": {"c": "x"}}}"#, "a.b.c", text("x"));
        check(r#"{"a.b": "literal", "a": {"b": "nested"}}"#, "a.b", text("literal"));
        check(r#"{"a": 1}"#, "a.b", Cell::Missing);
        check(r#"{"a": null}"#, "a", Cell::Missing);
        check(r#"{"a": 1.50}"#, "a", text("1.5"));
        check(r#"{"a": ["x", 2]}"#, "a", Cell::List(vec!["x".to_owned(), "2".to_owned()]));
        check(r#"{"a": {}}"#, "a", Cell::Other("an object"));
        check(r#"{"a": [[]]}"#, "a", Cell::Other("a nested list"));
    }
}
