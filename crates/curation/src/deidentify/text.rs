//! Plain text, in blocks that end where a line does, at an empty line if there is one.

use std::io::{BufReader, Read};

use super::{FileReport, Job, Output, Rewrite};
use crate::error::CurationError;
use crate::import::Utf8Reader;

/// How much is looked at in one piece.
const BLOCK_BYTES: usize = 1024 * 1024;

pub(super) fn run(
    job: &Job<'_>,
    rewriter: &mut dyn Rewrite,
    out: Output<'_>,
    report: &mut FileReport,
) -> Result<(), CurationError> {
    let input = Utf8Reader::open(job.path(), job.encoding.encoding)?;
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let mut block: Vec<u8> = Vec::new();
    loop {
        let missing = BLOCK_BYTES.saturating_sub(block.len()) as u64;
        let read = input.by_ref().take(missing).read_to_end(&mut block);
        let read = read.map_err(CurationError::read(job.path()))?;
        if block.is_empty() {
            return Ok(());
        }
        let ended = (read as u64) < missing;
        let cut = if ended { block.len() } else { cut_of(&block, job)? };
        let text = std::str::from_utf8(&block[..cut]).map_err(|_| job.unreadable())?;
        let safe = rewriter.text("", text)?;
        out.write_all(safe.as_bytes()).map_err(job.write_error())?;
        report.records += 1;
        job.progress.advance(cut as u64);
        block.drain(..cut);
    }
}

/// Where a full block ends: behind the last empty line of its second half, else behind its last
/// line.
fn cut_of(block: &[u8], job: &Job<'_>) -> Result<usize, CurationError> {
    let half = block.len() / 2;
    let empty = block[half..].windows(2).rposition(|it| it == b"\n\n").map(|it| half + it + 2);
    let line = || block.iter().rposition(|it| *it == b'\n').map(|it| it + 1);
    empty.or_else(line).ok_or_else(|| CurationError::Limit {
        what: format!("a line of `{}`", job.name),
        limit: BLOCK_BYTES as u64,
        remedy: "break its lines; an identifier must not be cut in two",
    })
}

impl Job<'_> {
    fn unreadable(&self) -> CurationError {
        CurationError::Unreadable {
            file: self.name.to_owned(),
            reason: format!("it is not {}; declare its encoding", self.encoding.encoding.name()),
        }
    }
}
