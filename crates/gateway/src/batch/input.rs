//! The input of a batch: one request a line, read piece by piece.

use std::collections::HashSet;

use freehold_vocabulary::ports::{DepotPlace, Shelf};
use serde::Deserialize;
use serde_json::Value;

use super::{Batch, InputError};
use crate::app::{App, shown};
use crate::depot;
use crate::error::ApiError;

/// Bytes read at a time.
const PIECE: usize = 1 << 20;
/// Mistakes that are told; more help nobody.
const ERRORS_MAX: usize = 100;
/// Longest id of a request.
const CUSTOM_ID_BYTES_MAX: usize = 512;

/// One request.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) custom_id: String,
    method: String,
    url: String,
    pub(crate) body: Value,
}

/// Lines of an object, one after the other.
#[derive(Debug)]
pub(crate) struct Lines {
    place: DepotPlace,
    offset: u64,
    line_bytes_max: usize,
    buffer: Vec<u8>,
    /// How much of the buffer was given out.
    used: usize,
    ended: bool,
}

/// A line that is too long to be read.
#[derive(Debug)]
pub(crate) struct TooLong;

impl Lines {
    pub(crate) fn new(place: DepotPlace, line_bytes_max: usize) -> Self {
        Self { place, offset: 0, line_bytes_max, buffer: Vec::new(), used: 0, ended: false }
    }

    /// The next line without its end; none after the last.
    ///
    /// # Errors
    /// When the depot fails, or the object is gone.
    pub(crate) async fn next(
        &mut self,
        app: &App,
    ) -> Result<Option<Result<Vec<u8>, TooLong>>, ApiError> {
        loop {
            let rest = &self.buffer[self.used..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = rest[..end].to_vec();
                self.used += end + 1;
                return Ok(Some(Ok(line)));
            }
            if rest.len() > self.line_bytes_max {
                return Ok(Some(Err(TooLong)));
            }
            if self.ended {
                let last = self.buffer.split_off(self.used);
                self.buffer.clear();
                self.used = 0;
                return Ok((!last.is_empty()).then_some(Ok(last)));
            }
            self.buffer.drain(..self.used);
            self.used = 0;
            self.fill(app).await?;
        }
    }

    async fn fill(&mut self, app: &App) -> Result<(), ApiError> {
        let (place, offset) = (self.place.clone(), self.offset);
        let read = depot::with(app, move |depot| depot.read_at(&place, offset, PIECE)).await?;
        let read = read.ok_or_else(|| depot::unknown(Shelf::Files, self.place.name()))?;
        self.offset += read.len() as u64;
        self.ended = read.is_empty();
        self.buffer.extend_from_slice(&read);
        Ok(())
    }
}

/// Whether a line says nothing.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// Reads the input once before anything is asked; gives how many requests there are.
///
/// # Errors
/// When the depot fails. Mistakes of the input are the inner error.
pub(crate) async fn validate(
    app: &App,
    batch: &Batch,
) -> Result<Result<u64, Vec<InputError>>, ApiError> {
    let place = depot::place(Shelf::Contents, &batch.owner, &batch.wish.input_file_id)?;
    let mut lines = Lines::new(place, app.parts.limits.body_bytes_max.get());
    let (mut seen, mut errors, mut number) = (HashSet::new(), Vec::new(), 0);
    let limit = app.parts.keeping.batch_requests_max.get();
    while let Some(line) = lines.next(app).await? {
        number += 1;
        let wrong = |code: &str, message: String, param: Option<&str>| InputError {
            code: code.to_owned(),
            message,
            line: Some(number),
            param: param.map(str::to_owned),
        };
        let Ok(line) = line else {
            let limit = app.parts.limits.body_bytes_max;
            errors.push(wrong("too_large", format!("the line is longer than {limit} bytes"), None));
            break;
        };
        if is_blank(&line) {
            continue;
        }
        match check(&line, batch) {
            Ok(line) if seen.contains(&line.custom_id) => {
                let message = format!("`{}` stands in an earlier line", shown(&line.custom_id));
                errors.push(wrong("duplicate_custom_id", message, Some("custom_id")));
            }
            Ok(line) => {
                seen.insert(line.custom_id);
            }
            Err((code, message, param)) => errors.push(wrong(code, message, param)),
        }
        if seen.len() > limit {
            let message = format!("a batch has at most {limit} requests; split the file");
            errors.push(wrong("too_many_requests", message, None));
        }
        if errors.len() >= ERRORS_MAX || seen.len() > limit {
            break;
        }
    }
    if seen.is_empty() && errors.is_empty() {
        let message = "the file has no request; write one a line".to_owned();
        let code = "empty_file".to_owned();
        errors.push(InputError { code, message, line: None, param: None });
    }
    Ok(if errors.is_empty() { Ok(seen.len() as u64) } else { Err(errors) })
}

type Mistake = (&'static str, String, Option<&'static str>);

fn check(line: &[u8], batch: &Batch) -> Result<Line, Mistake> {
    let line: Line = serde_json::from_slice(line).map_err(|cause| {
        let message = format!("the line is no request: {cause}");
        ("invalid_json_line", message, None)
    })?;
    if !(1..=CUSTOM_ID_BYTES_MAX).contains(&line.custom_id.len()) {
        let message = format!("`custom_id` has 1 to {CUSTOM_ID_BYTES_MAX} bytes");
        return Err(("invalid_custom_id", message, Some("custom_id")));
    }
    if line.method != "POST" {
        let message = format!("`method` is `{}`; it is POST", shown(&line.method));
        return Err(("invalid_method", message, Some("method")));
    }
    if line.url != batch.wish.endpoint {
        let (given, expected) = (shown(&line.url), &batch.wish.endpoint);
        let message = format!("`url` is `{given}`, and the endpoint of the batch {expected}");
        return Err(("mismatched_endpoint", message, Some("url")));
    }
    if !line.body.is_object() {
        return Err(("invalid_request", "`body` is no object".to_owned(), Some("body")));
    }
    if line.body["stream"] == true {
        let message = "nobody listens to the stream of a batch; leave `stream` out".to_owned();
        return Err(("invalid_request", message, Some("body.stream")));
    }
    Ok(line)
}
