//! A file that is one JSON array of objects, read element by element.
//!
//! Only the boundaries of elements are found here, so that the array never stands in memory; a
//! bad element is one bad row as long as its brackets are balanced.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Record, Records};
use crate::error::CurationError;
use crate::import::encoding::Utf8Reader;
use crate::import::format::{Content, Format, Opening};

pub const FORMAT: Format = Format {
    name: "json-array",
    extensions: &["json", "jsonl"],
    content: Content::Text,
    sniff: |head| head.trim_ascii_start().starts_with(b"["),
    open: super::open::<Elements>,
};

/// What may come next between elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Open,
    ElementOrClose,
    Element,
    CommaOrClose,
    Nothing,
}

/// The elements of the array as slices of bytes.
#[derive(Debug)]
struct Elements {
    input: BufReader<Utf8Reader>,
    consumed: Arc<AtomicU64>,
    name: String,
    element: Vec<u8>,
    expect: Expect,
    line: u64,
    max: usize,
}

impl Records for Elements {
    const NO_OBJECTS: &'static str = "the elements of its array are not objects with fields";

    fn open(opening: &Opening<'_>) -> Result<Self, CurationError> {
        let input = Utf8Reader::open(&opening.source.path, opening.encoding.encoding)?;
        Ok(Self {
            consumed: input.consumed(),
            input: BufReader::with_capacity(64 * 1024, input),
            name: opening.name.to_owned(),
            element: Vec::new(),
            expect: Expect::Open,
            line: 1,
            max: opening.limits.record_bytes_max as usize,
        })
    }

    fn advance(&mut self) -> Result<Option<Record<'_>>, CurationError> {
        loop {
            let Some(byte) = self.peek()? else {
                return match self.expect {
                    Expect::Nothing => Ok(None),
                    _ => Err(self.malformed("the array is never closed; the file is cut short")),
                };
            };
            match (byte, self.expect) {
                (b'\n', _) => self.line += 1,
                (b' ' | b'\t' | b'\r', _) => {}
                (b'[', Expect::Open) => self.expect = Expect::ElementOrClose,
                (b']', Expect::ElementOrClose | Expect::CommaOrClose) => {
                    self.expect = Expect::Nothing;
                }
                (b',', Expect::CommaOrClose) => self.expect = Expect::Element,
                (b']' | b',', Expect::Element | Expect::ElementOrClose) => {
                    return Err(self.malformed("an element is missing beside a comma"));
                }
                (_, Expect::Element | Expect::ElementOrClose) => {
                    let line = self.line;
                    self.read_element()?;
                    self.expect = Expect::CommaOrClose;
                    return Ok(Some((line, Ok(&self.element))));
                }
                (_, Expect::CommaOrClose) => {
                    return Err(self.malformed("a comma or `]` is missing between elements"));
                }
                (_, Expect::Open) => return Err(self.malformed("the file is not a JSON array")),
                (_, Expect::Nothing) => {
                    return Err(self.malformed("something follows the end of the array"));
                }
            }
            self.input.consume(1);
        }
    }

    fn position(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }
}

impl Elements {
    fn peek(&mut self) -> Result<Option<u8>, CurationError> {
        let read_error = |source| CurationError::Read { path: self.name.clone().into(), source };
        Ok(self.input.fill_buf().map_err(read_error)?.first().copied())
    }

    /// Copies bytes up to the end of the element: brackets balanced, or a scalar over.
    fn read_element(&mut self) -> Result<(), CurationError> {
        self.element.clear();
        let mut scan = Scan::default();
        loop {
            let read_error =
                |source| CurationError::Read { path: self.name.clone().into(), source };
            let input = self.input.fill_buf().map_err(read_error)?;
            if input.is_empty() {
                return Err(self.malformed(
                    "the element that starts before is never closed; the file is cut short",
                ));
            }
            let (taken, ended) = scan.over(input);
            self.line += memchr::memchr_iter(b'\n', &input[..taken]).count() as u64;
            self.element.extend_from_slice(&input[..taken]);
            self.input.consume(taken);
            if self.element.len() > self.max {
                let max = self.max;
                return Err(self.malformed(&format!("an element is longer than {max} bytes")));
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn malformed(&self, reason: &str) -> CurationError {
        CurationError::Malformed {
            file: self.name.clone(),
            line: self.line,
            reason: reason.to_owned(),
        }
    }
}

/// Where in an element the scan stands.
#[derive(Debug, Default)]
struct Scan {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// How many bytes belong to the element, and whether it ends with them.
    fn over(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b',' | b']' | b'}' if self.depth == 0 => return (at, true),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                _ => {}
            }
        }
        (bytes.len(), false)
    }
}
