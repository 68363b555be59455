//! JSON Lines: one value a line, keys and numbers included.

use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value};

use super::{FileReport, Job, Output, Rewrite};
use crate::error::CurationError;
use crate::import::Utf8Reader;

/// Longest line.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

pub(super) fn run(
    job: &Job<'_>,
    rewriter: &mut dyn Rewrite,
    out: Output<'_>,
    report: &mut FileReport,
) -> Result<(), CurationError> {
    let input = Utf8Reader::open(job.path(), job.encoding.encoding)?;
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let (mut line, mut number) = (Vec::new(), 0);
    let mut seen = Seen::default();
    loop {
        line.clear();
        let read = input.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line);
        let read = read.map_err(CurationError::read(job.path()))? as u64;
        if read == 0 {
            break;
        }
        number += 1;
        job.progress.advance(read);
        if read > LINE_BYTES_MAX {
            return Err(malformed(
                job,
                number,
                format!("it is longer than {LINE_BYTES_MAX} bytes"),
            ));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut value = parse(job, number, &line)?;
        record(job, rewriter, &mut value, &mut seen)?;
        writeln!(out, "{value}").map_err(job.write_error())?;
        report.records += 1;
    }
    seen.finish(job, report)
}

/// Which keys were met.
#[derive(Debug, Default)]
pub(super) struct Seen {
    examined: std::collections::BTreeSet<String>,
    left: std::collections::BTreeSet<String>,
}

impl Seen {
    /// A key that no record holds is a mistake of the request.
    pub(super) fn finish(
        self,
        job: &Job<'_>,
        report: &mut FileReport,
    ) -> Result<(), CurationError> {
        let all: Vec<String> = self.examined.union(&self.left).cloned().collect();
        let wanted = job.request.columns.iter().chain(&job.request.subject);
        for column in wanted {
            if report.records > 0 && !all.contains(column) {
                return Err(CurationError::UnknownColumn {
                    file: job.name.to_owned(),
                    column: column.clone(),
                    columns: crate::error::name_columns(&all),
                });
            }
        }
        report.columns_examined.extend(self.examined);
        report.columns_left.extend(self.left);
        Ok(())
    }
}

/// Keys named in a report; more are not worth remembering.
const KEYS_MAX: usize = 4096;

/// One record: all of it, or the named top-level keys.
pub(super) fn record(
    job: &Job<'_>,
    rewriter: &mut dyn Rewrite,
    value: &mut Value,
    seen: &mut Seen,
) -> Result<(), CurationError> {
    let Value::Object(fields) = value else { return rewriter.json("", value) };
    if let Some(subject) = job.request.subject.as_ref().and_then(|it| fields.get(it)) {
        let text = subject.as_str().map_or_else(|| subject.to_string(), str::to_owned);
        rewriter.set_subject(&text);
    }
    let wanted = |key: &str| {
        job.request.columns.is_empty() || job.request.columns.iter().any(|it| it == key)
    };
    for key in fields.keys() {
        let list = if wanted(key) { &mut seen.examined } else { &mut seen.left };
        if list.len() < KEYS_MAX && !list.contains(key) {
            list.insert(key.clone());
        }
    }
    if job.request.columns.is_empty() {
        return rewriter.json("", value);
    }
    let mut rewritten = Map::new();
    for (key, mut field) in std::mem::take(fields) {
        if wanted(&key) {
            rewriter.json(&key, &mut field)?;
        }
        rewritten.insert(key, field);
    }
    *fields = rewritten;
    Ok(())
}

fn parse(job: &Job<'_>, number: u64, line: &[u8]) -> Result<Value, CurationError> {
    // The parser's own message may repeat the content.
    serde_json::from_slice(line).map_err(|error| {
        let kind = if error.is_eof() { "it ends too early" } else { "it is not JSON" };
        malformed(job, number, format!("{kind} (column {})", error.column()))
    })
}

fn malformed(job: &Job<'_>, line: u64, reason: String) -> CurationError {
    CurationError::Malformed { file: job.name.to_owned(), line, reason }
}
