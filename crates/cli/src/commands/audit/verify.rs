//! `freehold audit verify`: whether the log is as it was written, and if not, from where on.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use freehold_vocabulary::audit::{Checkpoint, Fault, Verdict, Verifier};

use crate::commands::Reported;
use crate::output;
use crate::wiring::Session;

/// Read the whole log and say whether it is as it was written.
///
/// A record that was changed, put in, taken out or moved is named. That records at the end are
/// missing, or that history was written anew with matching hashes, only a checkpoint can tell that
/// was kept elsewhere; with several, between which two of them. Exit code 3 when something is wrong.
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
    output::print(session.form, &verdict, sentence)?;
    if let Some(first) = verdict.faults.first() {
        bail!(Reported(format!("the audit log is not as it was written: {first}")));
    }
    if verdict.checkpoints == 0 {
        output::next(
            session.form,
            "freehold audit checkpoint --out FILE, kept elsewhere; without one, records cut off at the end are not missed",
        );
    }
    Ok(())
}

fn sentence(verdict: &Verdict) -> String {
    let Verdict { records, head, root, checkpoints, faults, faults_found } = verdict;
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
