//! JSON Lines (jsonlines.org): one object a line.
//!
//! A bad line is one bad row, whatever it holds; the next line is read as if nothing happened.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Record, Records};
use crate::error::CurationError;
use crate::import::encoding::Utf8Reader;
use crate::import::format::{Content, Format, Opening};
use crate::import::report::Reason;

pub const FORMAT: Format = Format {
    name: "jsonl",
    extensions: &["jsonl", "ndjson", "json"],
    content: Content::Text,
    sniff: |head| head.trim_ascii_start().starts_with(b"{"),
    open: super::open::<Lines>,
};

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

impl Records for Lines {
    const NO_OBJECTS: &'static str = "no line holds a JSON object with fields; expected one object a line, or one array of objects";

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

    fn advance(&mut self) -> Result<Option<Record<'_>>, CurationError> {
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
                let max = u32::try_from(self.max).unwrap_or(u32::MAX);
                return Ok(Some((self.number, Err(Reason::RecordTooLong { max }))));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((self.number, Ok(&self.line))));
            }
        }
    }

    fn position(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }
}
