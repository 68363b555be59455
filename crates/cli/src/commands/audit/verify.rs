//! `freehold audit verify`: whether the log is as it was written, and if not, from where on.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use freehold_ledger::Limit;
use freehold_vocabulary::audit::{Checkpoint, Fault, Verdict, Verifier};
use serde::Serialize;

use crate::commands::Reported;
use crate::output;
use crate::wiring::Session;

/// Read the whole log and say whether it is as it was written.
///
/// A record that was changed, put in, taken out or moved is named. That records at the end are
/// missing, or that history was written anew with matching hashes, only a checkpoint can tell that
/// was kept elsewhere; with several, between which two of them. A move of an alias, a key or a judgement
/// that has no record was made behind the ledger's back, and is named too. Exit code 3 when
/// something is wrong.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A checkpoint that was kept elsewhere; repeat for more.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let checkpoints: Result<Vec<Checkpoint>> =
        arguments.checkpoints.iter().map(|path| super::read_checkpoint(session, path)).collect();
    let mut verifier = Verifier::new(checkpoints?);
    super::each_stored(session, |stored| {
        verifier.take(stored);
        Ok(())
    })?;
    let verdict = verifier.finish();
    // A log that cannot be trusted says nothing about the rest of the ledger.
    let unrecorded = match verdict.faults_found {
        0 => session.wait(session.ledger.unrecorded_acts(Limit::PAGE))?,
        _ => Vec::new(),
    };
    let report = Report { verdict: &verdict, unrecorded: &unrecorded };
    output::print(session.form, &report, sentence)?;
    if let Some(first) = verdict.faults.first() {
        bail!(Reported(format!("the audit log is not as it was written: {first}")));
    }
    if let Some(first) = unrecorded.first() {
        bail!(Reported(format!("the audit log knows nothing of this, or otherwise: {first}")));
    }
    if verdict.checkpoints == 0 {
        output::next(
            session.form,
            "freehold audit checkpoint --out FILE, kept elsewhere; without one, records cut off at the end are not missed",
        );
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    /// Acts in the ledger that the log does not know.
    unrecorded: &'a [String],
}

fn sentence(report: &Report<'_>) -> String {
    let Verdict { records, head, root, checkpoints, faults, faults_found } = report.verdict;
    if *faults_found == 0 {
        let agree = if *checkpoints == 0 {
            String::new()
        } else {
            format!("; {checkpoints} checkpoint(s) agree")
        };
        return format!(
            "{records} records are as they were written{agree}\nhash {head}\nroot {root}"
        );
    }
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    let more = *faults_found - faults.len() as u64;
    let more = if more == 0 { String::new() } else { format!("\nand {more} more") };
    format!("{records} records, {faults_found} fault(s)\n{}{more}", lines.join("\n"))
}
