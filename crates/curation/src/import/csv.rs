//! CSV (RFC 4180) with any delimiter, quoted newlines, and physical line numbers.
//!
//! The state machine is `csv-core`, as in the `csv` crate; line counting, limits and the check
//! for a quote that is never closed stand here, because they need the raw bytes. Lenient where
//! the `csv` crate is; never lenient about the number of fields.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv_core::ReadRecordResult;

use super::encoding::Utf8Reader;
use super::format::{Cell, Content, Format, Opening, RowReader, Step};
use super::report::Reason;
use crate::error::CurationError;
use crate::request::Header;

pub(crate) mod delimiter;

pub const FORMAT: Format = Format {
    name: "csv",
    extensions: &["csv", "tsv", "tab", "psv", "txt"],
    content: Content::Text,
    sniff: |head| !head.contains(&0),
    open,
};

fn open(opening: &Opening<'_>) -> Result<Box<dyn RowReader>, CurationError> {
    let path = &opening.source.path;
    let delimiter = match opening.source.delimiter {
        Some(it) if it.is_ascii() && !matches!(it, '"' | '\r' | '\n') => it as u8,
        Some(it) => {
            return Err(CurationError::Request(format!(
                "`{it}` cannot be a delimiter; use one ASCII character such as `;`"
            )));
        }
        None => delimiter::sniff(opening.head),
    };
    let input = Utf8Reader::open(path, opening.encoding.encoding)?;
    let consumed = input.consumed();
    let records = Records::new(
        BufReader::with_capacity(64 * 1024, input),
        opening.name,
        delimiter,
        opening.limits.record_bytes_max as usize,
        opening.limits.columns_max as usize,
    );
    let mut reader = CsvReader {
        records,
        consumed,
        columns: Vec::new(),
        selected: Vec::new(),
        pending_first_row: false,
        delimiter,
    };
    reader.read_header(opening.source.header)?;
    Ok(Box::new(reader))
}

#[derive(Debug)]
struct CsvReader {
    records: Records<BufReader<Utf8Reader>>,
    consumed: Arc<AtomicU64>,
    columns: Vec<String>,
    selected: Vec<usize>,
    /// The first record is data and still to be given.
    pending_first_row: bool,
    delimiter: u8,
}

impl CsvReader {
    fn read_header(&mut self, header: Header) -> Result<(), CurationError> {
        if self.records.advance()?.is_none() {
            return Ok(());
        }
        let fields = self.records.len();
        self.pending_first_row = header == Header::Absent;
        for field in 0..fields {
            let name = if self.pending_first_row { "" } else { self.records.field(field).trim() };
            let name =
                if name.is_empty() { format!("column_{}", field + 1) } else { name.to_owned() };
            if self.columns.contains(&name) {
                return Err(CurationError::Malformed {
                    file: self.records.name.clone(),
                    line: self.records.start_line,
                    reason: format!("the header names `{name}` twice; rename one of them"),
                });
            }
            self.columns.push(name);
        }
        Ok(())
    }
}

impl RowReader for CsvReader {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn select(&mut self, columns: &[usize]) -> Result<(), CurationError> {
        self.selected = columns.to_vec();
        Ok(())
    }

    fn next(&mut self, cells: &mut Vec<Cell>) -> Result<Step, CurationError> {
        cells.clear();
        let line = if std::mem::take(&mut self.pending_first_row) {
            self.records.start_line
        } else {
            match self.records.advance()? {
                Some(line) => line,
                None => return Ok(Step::End),
            }
        };
        let (expected, found) = (self.columns.len(), self.records.len());
        if expected != found {
            return Ok(Step::Bad { line, reason: Reason::FieldCount { expected, found } });
        }
        cells.extend(self.selected.iter().map(|it| Cell::Text(self.records.field(*it).to_owned())));
        Ok(Step::Row { line })
    }

    fn position(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    fn delimiter(&self) -> Option<char> {
        Some(char::from(self.delimiter))
    }
}

/// Records of a stream of UTF-8, one at a time, in a reused buffer.
#[derive(Debug)]
pub(crate) struct Records<R> {
    input: R,
    name: String,
    core: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    length: usize,
    lines: LineCounter,
    start_line: u64,
    record_bytes_max: usize,
    columns_max: usize,
}

impl<R: BufRead> Records<R> {
    pub(crate) fn new(
        input: R,
        name: &str,
        delimiter: u8,
        record_bytes_max: usize,
        columns_max: usize,
    ) -> Self {
        Self {
            input,
            name: name.to_owned(),
            core: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            bytes: vec![0; record_bytes_max.min(4096)],
            ends: vec![0; columns_max.min(64)],
            fields: 0,
            length: 0,
            lines: LineCounter::default(),
            start_line: 1,
            record_bytes_max,
            columns_max,
        }
    }

    /// Fields of the current record.
    pub(crate) fn len(&self) -> usize {
        self.fields
    }

    /// A field of the current record.
    pub(crate) fn field(&self, position: usize) -> &str {
        let start = if position == 0 { 0 } else { self.ends[position - 1] };
        // The machine only removes ASCII bytes from valid UTF-8.
        std::str::from_utf8(&self.bytes[start..self.ends[position]])
            .expect("the decoder gives UTF-8 and fields are cut at ASCII")
    }

    /// Reads the next record and gives the physical line on which it starts.
    pub(crate) fn advance(&mut self) -> Result<Option<u64>, CurationError> {
        self.skip_blank_lines()?;
        self.start_line = self.lines.line();
        (self.length, self.fields) = (0, 0);
        let mut begun = false;
        loop {
            let input = self
                .input
                .fill_buf()
                .map_err(|source| CurationError::Read { path: self.name.clone().into(), source })?;
            let at_end = input.is_empty();
            if at_end && !begun {
                return Ok(None);
            }
            begun = true;
            // A line end completes the last record, unless a quote is still open.
            let (result, read, written, ended) = self.core.read_record(
                if at_end { b"\n" } else { input },
                &mut self.bytes[self.length..],
                &mut self.ends[self.fields..],
            );
            if !at_end {
                self.lines.count(&input[..read]);
                self.input.consume(read);
            }
            self.length += written;
            self.fields += ended;
            match result {
                ReadRecordResult::InputEmpty if at_end => {
                    return Err(self.malformed(format!(
                        "a quote is never closed: everything up to the end of the file (line {}) belongs to this row",
                        self.lines.line()
                    )));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.grow_bytes()?,
                ReadRecordResult::OutputEndsFull => self.grow_ends()?,
                ReadRecordResult::Record => return Ok(Some(self.start_line)),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    fn skip_blank_lines(&mut self) -> Result<(), CurationError> {
        loop {
            let input = self
                .input
                .fill_buf()
                .map_err(|source| CurationError::Read { path: self.name.clone().into(), source })?;
            let blank = input.iter().take_while(|it| matches!(it, b'\r' | b'\n')).count();
            let more = blank > 0 && blank == input.len();
            self.lines.count(&input[..blank]);
            self.input.consume(blank);
            if !more {
                return Ok(());
            }
        }
    }

    fn grow_bytes(&mut self) -> Result<(), CurationError> {
        if self.bytes.len() >= self.record_bytes_max {
            return Err(self.malformed(format!(
                "the row is longer than {} bytes; a quote is probably never closed",
                self.record_bytes_max
            )));
        }
        self.bytes.resize((self.bytes.len() * 2).min(self.record_bytes_max), 0);
        Ok(())
    }

    fn grow_ends(&mut self) -> Result<(), CurationError> {
        if self.ends.len() >= self.columns_max {
            return Err(
                self.malformed(format!("the row has more than {} fields", self.columns_max))
            );
        }
        self.ends.resize((self.ends.len() * 2).min(self.columns_max), 0);
        Ok(())
    }

    fn malformed(&self, reason: String) -> CurationError {
        CurationError::Malformed { file: self.name.clone(), line: self.start_line, reason }
    }
}

/// Counts physical lines that end in LF, CRLF or CR.
#[derive(Debug, Default)]
pub(crate) struct LineCounter {
    ended: u64,
    after_return: bool,
}

impl LineCounter {
    /// The number of the current line, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.ended + 1
    }

    /// Moves over these bytes.
    pub(crate) fn count(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        let returns = memchr::memchr_iter(b'\r', bytes).count() as u64;
        let mut feeds = memchr::memchr_iter(b'\n', bytes).count() as u64;
        if returns > 0 || self.after_return {
            let pairs = memchr::memmem::find_iter(bytes, b"\r\n").count() as u64;
            let split_pair = self.after_return && bytes[0] == b'\n';
            feeds -= pairs + u64::from(split_pair);
        }
        self.ended += returns + feeds;
        self.after_return = *last == b'\r';
    }
}
