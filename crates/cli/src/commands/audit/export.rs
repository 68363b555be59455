//! `freehold audit export`: everything that left, record by record or summed up, for a
//! spreadsheet or another program. The export is itself an act that the log records.

mod sheet;
mod summary;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use freehold_ledger::{Limit, Sequence};
use freehold_vocabulary::Timestamp;
use freehold_vocabulary::audit::act::Exported;
use freehold_vocabulary::audit::{Act, ActKind, AuditDraft, AuditRecord};
use freehold_vocabulary::ports::Progress as _;
use serde_json::{Value, json};

use self::sheet::{Shape, Sheet};
use self::summary::{Group, Summary};
use crate::output::{self, Form};
use crate::wiring::Session;

/// Write records to a file or to standard output.
///
/// Without `--by`, one row for each record; in JSON Lines each row is the record's canonical form,
/// which `freehold audit prove` can prove. With `--by`, egress is summed up: how often it was
/// allowed and denied, how much left, how many identifiers were replaced before.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Acts of this kind.
    #[arg(long, default_value_t = ActKind::Egress)]
    kind: ActKind,
    /// Sum up by these; several are separated by commas.
    #[arg(long, value_delimiter = ',')]
    by: Vec<Group>,
    /// How long a period of `--by period` is.
    #[arg(long, value_enum, default_value_t = Period::Day)]
    period: Period,
    /// The first instant, or the first day (UTC).
    #[arg(long, value_parser = parse_instant)]
    from: Option<Timestamp>,
    /// The instant or day before which it ends.
    #[arg(long, value_parser = parse_instant)]
    to: Option<Timestamp>,
    /// With `--json` and without `--out`, one JSON list instead.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// A new file; without it, standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Who exports.
    #[arg(long, default_value = "local")]
    actor: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Period {
    Day,
    Month,
}

/// An instant, or the beginning of a day.
fn parse_instant(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    let day = text.len() == "2026-11-20".len();
    let instant = if day { &midnight } else { text };
    Timestamp::parse(instant)
        .map_err(|_| format!("`{text}` is neither `2026-11-20` nor `2026-11-20T12:00:00Z`"))
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    if !arguments.by.is_empty() && arguments.kind != ActKind::Egress {
        bail!("--by sums up egress; leave it out for acts of kind `{}`", arguments.kind);
    }
    let shape = match (session.form, &arguments.out, arguments.format) {
        (Form::Json, None, _) => Shape::Json,
        (_, _, Format::Csv) => Shape::Csv,
        (_, _, Format::Jsonl) => Shape::JsonLines,
    };
    let sheet = if arguments.by.is_empty() {
        every_record(arguments, shape, session)?
    } else {
        summed_up(arguments, shape, session)?
    };
    let written = sheet.finish()?;
    let (rows, digest) = (written.rows, written.digest.clone());
    // The act is on record before anybody has the rows.
    let draft = AuditDraft {
        at: session.now(),
        actor: arguments.actor.clone(),
        subject: format!("audit {}", arguments.kind),
        act: Act::Exported(Exported { rows, digest: digest.clone() }),
    };
    session.wait(session.ledger.append_audit(&[draft]))?;
    match &arguments.out {
        None => written.print(),
        Some(path) => {
            written.keep(path)?;
            let shown = json!({ "file": path, "rows": rows, "digest": digest });
            output::print(session.form, &shown, |_| {
                format!("wrote {rows} rows to {}\n{digest}", path.display())
            })
        }
    }
}

fn every_record(arguments: &Arguments, shape: Shape, session: &Session) -> Result<Sheet> {
    let columns: &[&str] = match arguments.kind {
        ActKind::Egress => &sheet::EGRESS,
        _ => &sheet::ANY,
    };
    let mut sheet = Sheet::new(shape, columns)?;
    each_record(arguments, session, |record| match shape {
        Shape::JsonLines => sheet.line(&record.canonical()?),
        Shape::Json => sheet.value(&serde_json::to_value(record)?),
        Shape::Csv => sheet.row(&sheet::cells(record)),
    })?;
    Ok(sheet)
}

fn summed_up(arguments: &Arguments, shape: Shape, session: &Session) -> Result<Sheet> {
    let mut summary = Summary::new(&arguments.by, arguments.period);
    each_record(arguments, session, |record| {
        if let Act::Egress(egress) = &record.act {
            summary.add(record.at, egress)?;
        }
        Ok(())
    })?;
    let columns = summary.columns();
    let mut sheet = Sheet::new(shape, &columns)?;
    for row in summary.rows() {
        match shape {
            Shape::Csv => sheet.row(&row)?,
            Shape::Json | Shape::JsonLines => {
                let members = columns.iter().map(|it| (*it).to_owned()).zip(row);
                sheet.value(&Value::Object(members.collect()))?;
            }
        }
    }
    Ok(sheet)
}

/// Records of the kind and the time that were asked for, oldest first.
fn each_record(
    arguments: &Arguments,
    session: &Session,
    mut take: impl FnMut(&AuditRecord) -> Result<()>,
) -> Result<()> {
    session.progress.begin("read the audit log", None);
    let mut after = Sequence::START;
    loop {
        let kind = Some(arguments.kind);
        let page = session.wait(session.ledger.audit_records(kind, after, Limit::MAX))?;
        let Some(last) = page.last() else { break };
        after = Sequence(i64::try_from(last.sequence).unwrap_or(i64::MAX));
        session.progress.advance(page.len() as u64);
        // Clocks of several machines differ, so the order of records is not that of their times.
        for record in &page {
            let begun = arguments.from.is_none_or(|from| record.at >= from);
            let ended = arguments.to.is_some_and(|to| record.at >= to);
            if begun && !ended {
                take(record)?;
            }
        }
    }
    session.progress.end();
    Ok(())
}
