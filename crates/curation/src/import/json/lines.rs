//! JSON Lines (jsonlines.org): one object a line.
//!
//! A bad line is one bad row, whatever it holds; the next line is read as if nothing happened.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{ColumnNames, read_record};
use crate::error::CurationError;
use crate::import::encoding::Utf8Reader;
use crate::import::format::{Cell, Content, Format, Opening, RowReader, Step};
use crate::import::report::Reason;

pub const FORMAT: Format = Format {
    name: "jsonl",
    extensions: &["jsonl", "ndjson", "json"],
    content: Content::Text,
    sniff: |head| head.trim_ascii_start().starts_with(b"{"),
    open,
};

fn open(opening: &Opening<'_>) -> Result<Box<dyn RowReader>, CurationError> {
    let mut first = Lines::open(opening)?;
    let mut names = ColumnNames::default();
    let columns_max = opening.limits.columns_max as usize;
    while let Some((_, line)) = first.advance()? {
        let more = line.is_none_or(|it| names.add(it, columns_max));
        if !more {
            break;
        }
    }
    if names.names.is_empty() && names.objects > 0 {
        return Err(CurationError::Unreadable {
            file: opening.name.to_owned(),
            reason: "no line holds a JSON object with fields; expected one object a line, or one array of objects".to_owned(),
        });
    }
    Ok(Box::new(LinesReader {
        lines: Lines::open(opening)?,
        columns: names.names,
        selected: Vec::new(),
    }))
}

#[derive(Debug)]
struct LinesReader {
    lines: Lines,
    columns: Vec<String>,
    selected: Vec<String>,
}

impl RowReader for LinesReader {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn select(&mut self, columns: &[usize]) -> Result<(), CurationError> {
        self.selected = columns.iter().map(|it| self.columns[*it].clone()).collect();
        Ok(())
    }

    fn next(&mut self, cells: &mut Vec<Cell>) -> Result<Step, CurationError> {
        let max = self.lines.max;
        Ok(match self.lines.advance()? {
            None => Step::End,
            Some((line, Some(record))) => read_record(record, line, &self.selected, cells),
            Some((line, None)) => {
                let max = u32::try_from(max).unwrap_or(u32::MAX);
                Step::Bad { line, reason: Reason::RecordTooLong { max } }
            }
        })
    }

    fn position(&self) -> u64 {
        self.lines.consumed.load(Ordering::Relaxed)
    }
}

/// A line's number, and its bytes unless it is too long.
type Line<'l> = (u64, Option<&'l [u8]>);

/// Lines that are not blank, with a limit on their length.
#[derive(Debug)]
struct Lines {
    input: BufReader<Utf8Reader>,
    consumed: Arc<AtomicU64>,
    name: String,
    line: Vec<u8>,
    number: u64,
    max: usize,
}

impl Lines {
    fn open(opening: &Opening<'_>) -> Result<Self, CurationError> {
        let input = Utf8Reader::open(&opening.source.path, opening.encoding.encoding)?;
        Ok(Self {
            consumed: input.consumed(),
            input: BufReader::with_capacity(64 * 1024, input),
            name: opening.name.to_owned(),
            line: Vec::new(),
            number: 0,
            max: opening.limits.record_bytes_max as usize,
        })
    }

    /// The next line with its number; no bytes if it is too long.
    fn advance(&mut self) -> Result<Option<Line<'_>>, CurationError> {
        loop {
            self.line.clear();
            let (mut ended, mut too_long, mut any) = (false, false, false);
            while !ended {
                let read_error =
                    |source| CurationError::Read { path: self.name.clone().into(), source };
                let input = self.input.fill_buf().map_err(read_error)?;
                if input.is_empty() {
                    break;
                }
                any = true;
                let end = memchr::memchr(b'\n', input);
                ended = end.is_some();
                let piece = &input[..end.unwrap_or(input.len())];
                too_long |= self.line.len() + piece.len() > self.max;
                if !too_long {
                    self.line.extend_from_slice(piece);
                }
                let used = end.map_or(input.len(), |it| it + 1);
                self.input.consume(used);
            }
            if !any {
                return Ok(None);
            }
            self.number += 1;
            if too_long {
                return Ok(Some((self.number, None)));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((self.number, Some(&self.line))));
            }
        }
    }
}
