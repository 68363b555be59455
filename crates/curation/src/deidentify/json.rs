//! One JSON document; an array counts as records, and lines of objects as JSON Lines.

use std::io::Read;

use serde_json::Value;

use super::json_lines::{self, Seen, record};
use super::{FileReport, Job, Output, Rewrite};
use crate::error::CurationError;
use crate::import::Utf8Reader;

/// Larger documents should be JSON Lines.
const DOCUMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

pub(super) fn run(
    job: &Job<'_>,
    rewriter: &mut dyn Rewrite,
    out: Output<'_>,
    report: &mut FileReport,
) -> Result<(), CurationError> {
    if job.probe.bytes > DOCUMENT_BYTES_MAX {
        return Err(CurationError::Limit {
            what: format!("`{}`, read as one JSON document,", job.name),
            limit: DOCUMENT_BYTES_MAX,
            remedy: "write it as JSON Lines, one object a line",
        });
    }
    let mut text = String::new();
    let mut input =
        Utf8Reader::open(job.path(), job.encoding.encoding).map(std::io::BufReader::new)?;
    input.read_to_string(&mut text).map_err(CurationError::read(job.path()))?;
    let mut value: Value = match serde_json::from_str(&text) {
        Ok(value) => value,
        // Several documents one after another are what `.json` often means.
        Err(_) if text.trim_start().starts_with('{') => {
            return json_lines::run(job, rewriter, out, report);
        }
        Err(error) => {
            return Err(CurationError::Malformed {
                file: job.name.to_owned(),
                line: error.line() as u64,
                reason: format!("it is not JSON (column {})", error.column()),
            });
        }
    };
    let mut seen = Seen::default();
    match &mut value {
        Value::Array(items) => {
            for item in items {
                record(job, rewriter, item, &mut seen)?;
                report.records += 1;
            }
        }
        other => {
            record(job, rewriter, other, &mut seen)?;
            report.records = 1;
        }
    }
    job.progress.advance(job.probe.bytes);
    serde_json::to_writer(&mut *out, &value).map_err(|it| job.write_error()(it.into()))?;
    out.write_all(b"\n").map_err(job.write_error())?;
    seen.finish(job, report)
}
