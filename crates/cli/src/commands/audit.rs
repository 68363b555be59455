//! `freehold audit`: what was decided, by whom, and what left the building; and whether the log
//! that says so is as it was written.

mod export;
mod prove;
mod verify;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use freehold_ledger::{Limit, Sequence};
use freehold_vocabulary::audit::merkle::{Tree, leaf};
use freehold_vocabulary::audit::{ActKind, AuditRecord, Checkpoint, StoredRecord};
use freehold_vocabulary::ports::Progress as _;
use serde_json::json;

use crate::output;
use crate::wiring::Session;

/// The audit log: look, verify, keep checkpoints, export what left.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The newest records.
    Tail {
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: u32,
        /// Only acts of this kind, such as `egress` or `alias_moved`.
        #[arg(long)]
        kind: Option<ActKind>,
    },
    /// One record with all its detail, or a page of records, oldest first.
    Show {
        /// The record; without it, a page.
        record: Option<u64>,
        /// Only acts of this kind.
        #[arg(long, conflicts_with = "record")]
        kind: Option<ActKind>,
        /// Begin behind this record.
        #[arg(long, default_value_t = 0, conflicts_with = "record")]
        after: u64,
        #[arg(long, default_value_t = 100, conflicts_with = "record")]
        limit: u32,
    },
    Verify(verify::Arguments),
    /// The state of the log in three lines (origin, size, root). Keep it where whoever can change
    /// the log cannot: only so can a log that was cut off or written anew be told.
    Checkpoint {
        /// A new file; without it, the checkpoint is printed.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    Prove(prove::Arguments),
    Export(export::Arguments),
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    match command {
        Command::Tail { lines, kind } => {
            let latest = session.ledger.latest_audit(*kind, Limit::rows(*lines));
            list(session, &session.wait(latest)?)
        }
        Command::Show { record: Some(record), .. } => show(session, *record),
        Command::Show { kind, after, limit, .. } => {
            let after = Sequence(i64::try_from(*after).unwrap_or(i64::MAX));
            let page = session.ledger.audit_records(*kind, after, Limit::rows(*limit));
            list(session, &session.wait(page)?)
        }
        Command::Verify(arguments) => verify::run(arguments, session),
        Command::Checkpoint { out } => checkpoint(session, out.as_deref()),
        Command::Prove(arguments) => prove::run(arguments, session),
        Command::Export(arguments) => export::run(arguments, session),
    }
}

fn list(session: &Session, records: &[AuditRecord]) -> Result<()> {
    output::print(session.form, &records, |records| {
        let rows: Vec<Vec<String>> = records.iter().map(row).collect();
        output::table(&["record", "when", "who", "act", "subject", "detail"], &rows)
    })
}

fn row(record: &AuditRecord) -> Vec<String> {
    vec![
        record.sequence.to_string(),
        record.at.to_string(),
        printable(&record.actor),
        record.act.kind().to_string(),
        printable(&record.subject),
        printable(&detail(record).to_string()),
    ]
}

/// What is particular to the kind of act.
fn detail(record: &AuditRecord) -> serde_json::Value {
    let act = serde_json::to_value(&record.act).expect("an act has string keys");
    act["detail"].clone()
}

/// Text on one line, and nothing that a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

fn show(session: &Session, number: u64) -> Result<()> {
    let (record, stored) = find(session, number)?;
    let canonical = String::from_utf8_lossy(&stored.record);
    let hash = String::from_utf8_lossy(&stored.hash);
    let shown = json!({ "record": record, "canonical": canonical, "hash": hash });
    output::print(session.form, &shown, |_| {
        let pretty = serde_json::to_string_pretty(&record).expect("a record has string keys");
        format!("{pretty}\nhash {hash}")
    })
}

/// A record and the bytes as they lie in the ledger.
fn find(session: &Session, number: u64) -> Result<(AuditRecord, StoredRecord)> {
    let place = i64::try_from(number).unwrap_or(i64::MAX);
    let after = Sequence(place.saturating_sub(1));
    let stored = session.wait(session.ledger.stored_audit(after, Limit::rows(1)))?;
    let Some(stored) = stored.into_iter().find(|it| it.place == place) else {
        bail!("there is no record {number} in the audit log; `freehold audit tail` shows the last");
    };
    let record = serde_json::from_slice(&stored.record)
        .with_context(|| format!("record {number} cannot be read; run `freehold audit verify`"))?;
    Ok((record, stored))
}

/// Every record as it lies in the ledger, in the order of places. Reading from before the first
/// place, since a forger may use numbers that the log does not.
fn each_stored(session: &Session, mut take: impl FnMut(&StoredRecord) -> Result<()>) -> Result<()> {
    session.progress.begin("read the audit log", None);
    let mut after = Sequence(i64::MIN);
    loop {
        let page = session.wait(session.ledger.stored_audit(after, Limit::MAX))?;
        let Some(last) = page.last() else { break };
        after = Sequence(last.place);
        page.iter().try_for_each(&mut take)?;
        session.progress.advance(page.len() as u64);
    }
    session.progress.end();
    Ok(())
}

/// Which log this is, in checkpoints.
fn origin(session: &Session) -> String {
    let name = &session.config.portfolio.name;
    let name: String =
        name.chars().map(|it| if it.is_whitespace() || it == '+' { '-' } else { it }).collect();
    format!("freehold/{name}/audit")
}

fn checkpoint(session: &Session, out: Option<&Path>) -> Result<()> {
    let mut tree = Tree::default();
    each_stored(session, |stored| {
        tree.push(leaf(&stored.record));
        Ok(())
    })?;
    let checkpoint = Checkpoint::new(&origin(session), tree.size(), tree.root())?;
    let text = checkpoint.text();
    if let Some(path) = out {
        write_new(path, text.as_bytes())?;
    }
    let shown = json!({ "checkpoint": checkpoint, "text": text, "file": out });
    output::print(session.form, &shown, |_| match out {
        Some(path) => {
            format!("wrote the checkpoint of {} records to {}", tree.size(), path.display())
        }
        None => text.clone(),
    })?;
    if let Some(path) = out {
        output::next(
            session.form,
            &format!(
                "keep {0} elsewhere; later: freehold audit verify --checkpoint {0}",
                path.display()
            ),
        );
    }
    Ok(())
}

/// Writes a file that must not be there yet: a checkpoint that was kept is not overwritten.
fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = std::fs::File::create_new(path)
        .with_context(|| format!("{} cannot be made; choose a new file", path.display()))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| {
        format!("{} could not be written; remove it and try again", path.display())
    })
}

/// Largest file with a checkpoint, a proof or a record.
const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;

fn read_small(path: &Path) -> Result<String> {
    let about = || format!("{} cannot be read", path.display());
    let bytes = std::fs::metadata(path).with_context(about)?.len();
    if bytes > SMALL_FILE_BYTES_MAX {
        bail!("{} has {bytes} bytes, at most {SMALL_FILE_BYTES_MAX} are read", path.display());
    }
    std::fs::read_to_string(path).with_context(about)
}

/// A checkpoint of this log from a file.
fn read_checkpoint(session: &Session, path: &Path) -> Result<Checkpoint> {
    checkpoint_of(session, &read_small(path)?).with_context(|| format!("in {}", path.display()))
}

/// A checkpoint of this log from its text.
fn checkpoint_of(session: &Session, text: &str) -> Result<Checkpoint> {
    let checkpoint = Checkpoint::parse(text)?;
    let origin = origin(session);
    if checkpoint.origin != origin {
        bail!("the checkpoint is of `{}`; this log is `{origin}`", checkpoint.origin);
    }
    Ok(checkpoint)
}
