//! Judged requests from a file: a text, and how good the weak and the strong answer was.
//!
//! JSON lines `{"text": …, "weak": …, "strong": …, "topic": …}` with true, false or a quality from 0
//! to 1; or the folder of CSV files that `freehold route bench` reads.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use freehold_vocabulary::{Digest, DigestBuilder};
use serde::Deserialize;

use super::data;

/// Largest line.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Most rows: the neighbours of all are searched among all.
const ROWS_MAX: usize = 200_000;

/// What was read.
#[derive(Debug)]
pub struct JudgedRows {
    pub rows: Vec<JudgedRow>,
    /// Rows whose text had come before: a text must not both teach and prove.
    pub repeated: usize,
    pub digest: Digest,
}

/// One request with both outcomes.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedRow {
    pub text: String,
    pub topic: Option<String>,
    pub weak_right: bool,
    pub strong_right: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    weak: Verdict,
    strong: Verdict,
    #[serde(default)]
    topic: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected true, false or a quality from 0 to 1")]
enum Verdict {
    Right(bool),
    Quality(f64),
}

impl Verdict {
    fn is_right(&self, right_from: f64) -> Result<bool> {
        match self {
            Self::Right(right) => Ok(*right),
            Self::Quality(it) if (0.0..=1.0).contains(it) => Ok(*it >= right_from),
            Self::Quality(it) => bail!("{it} is no quality; expected a number from 0 to 1"),
        }
    }
}

/// Reads a file of JSON lines or a folder of CSV files.
pub fn read(path: &Path, right_from: f64) -> Result<JudgedRows> {
    if path.is_dir() {
        let data = data::read(path)?;
        let row = |it: data::Row| JudgedRow {
            text: it.prompt,
            topic: Some(it.topic),
            weak_right: it.weak_right,
            strong_right: it.strong_right,
        };
        return Ok(once(data.rows.into_iter().map(row).collect(), data.digest));
    }
    let file = File::open(path).with_context(|| format!("{} is unreadable", path.display()))?;
    let mut reader = BufReader::new(file);
    let (mut rows, mut all) = (Vec::new(), DigestBuilder::default());
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        let within = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
        let read = within.with_context(|| format!("line {number} of {}", path.display()))?;
        if read == 0 {
            break;
        }
        if read as u64 == LINE_BYTES_MAX {
            bail!("line {number} of {} has more than {LINE_BYTES_MAX} bytes", path.display());
        }
        if line.trim().is_empty() {
            continue;
        }
        all.update(&line);
        let row = parsed(&line, right_from);
        rows.push(row.with_context(|| format!("line {number} of {}", path.display()))?);
        if rows.len() > ROWS_MAX {
            bail!("{} has more than {ROWS_MAX} rows; draw a sample", path.display());
        }
    }
    Ok(once(rows, all.finish()))
}

fn parsed(line: &str, right_from: f64) -> Result<JudgedRow> {
    let line: Line = serde_json::from_str(line)?;
    if line.text.trim().is_empty() {
        bail!("`text` is empty");
    }
    let (weak, strong) = (line.weak.is_right(right_from)?, line.strong.is_right(right_from)?);
    Ok(JudgedRow { text: line.text, topic: line.topic, weak_right: weak, strong_right: strong })
}

/// Every text once; its first row counts.
fn once(mut rows: Vec<JudgedRow>, digest: Digest) -> JudgedRows {
    let (mut seen, before) = (HashSet::new(), rows.len());
    rows.retain(|it| seen.insert(Digest::of(&it.text)));
    JudgedRows { repeated: before - rows.len(), rows, digest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<JudgedRows> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        read(file.path(), 0.5)
    }

    #[test]
    fn qualities_and_truths_are_read_and_a_text_counts_once() {
        let rows = read_text(
            "{\"text\":\"a\",\"weak\":false,\"strong\":true}\n\n{\"text\":\"b\",\"weak\":0.49,\"strong\":0.5,\"topic\":\"law\"}\n{\"text\":\"a\",\"weak\":true,\"strong\":true}\n",
        )
        .unwrap();
        assert_eq!((rows.rows.len(), rows.repeated), (2, 1));
        assert!(!rows.rows[0].weak_right && rows.rows[0].strong_right);
        assert!(!rows.rows[1].weak_right && rows.rows[1].strong_right);
        assert_eq!(rows.rows[1].topic.as_deref(), Some("law"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, word) in [
            ("{\"text\":\"a\",\"weak\":1}\n", "strong"),
            ("{\"text\":\" \",\"weak\":1,\"strong\":1}\n", "empty"),
            ("{\"text\":\"a\",\"weak\":2,\"strong\":1}\n", "2 is no quality"),
            ("{\"text\":\"a\",\"weak\":\"x\",\"strong\":1}\n", "true, false or a quality"),
            ("{\"text\":\"a\",\"weak\":1,\"strong\":1,\"x\":1}\n", "unknown field"),
        ] {
            let message = format!("{:#}", read_text(text).unwrap_err());
            assert!(message.contains(word) && message.contains("line 1"), "{message}");
        }
    }
}
