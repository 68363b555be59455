//! `freehold audit prove`: that one record stands in the log of a checkpoint, for someone who may
//! see that record only.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_vocabulary::audit::merkle::{Tree, inclusion_proof, leaf};
use freehold_vocabulary::audit::{Checkpoint, Hash, InclusionProof};
use serde_json::json;

use crate::commands::Refused;
use crate::output;
use crate::wiring::Session;

/// Prove that one record stands in the log, or check such a proof.
///
/// The proof (c2sp.org/tlog-proof) is a few lines and needs no access to the log: with the record
/// and a checkpoint that was kept elsewhere, `--check PROOF` verifies it. Exit code 3 when it does
/// not hold.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The record to prove, or that the proof is about.
    record: u64,
    /// A new file for the proof; without it, the proof is printed.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Check this proof instead of making one.
    #[arg(long, value_name = "PROOF", requires = "line", conflicts_with = "out")]
    check: Option<PathBuf>,
    /// The record as one line, as `audit export --format jsonl` writes it.
    #[arg(long, value_name = "FILE", requires = "check")]
    line: Option<PathBuf>,
    /// The checkpoint to trust; without it, the one in the proof.
    #[arg(long, value_name = "FILE", requires = "check")]
    checkpoint: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    match (&arguments.check, &arguments.line) {
        (Some(proof), Some(line)) => check(arguments, proof, line, session),
        _ => prove(arguments, session),
    }
}

fn prove(arguments: &Arguments, session: &Session) -> Result<()> {
    let number = arguments.record;
    let mut leaves: Vec<Hash> = Vec::new();
    super::each_stored(session, |stored| {
        leaves.push(leaf(&stored.record));
        Ok(())
    })?;
    let index = number.checked_sub(1);
    let place = index.and_then(|it| usize::try_from(it).ok());
    let hashes = place.and_then(|it| inclusion_proof(&leaves, it));
    let (Some(index), Some(hashes)) = (index, hashes) else {
        bail!("there is no record {number}; the audit log has {}", leaves.len());
    };
    let mut tree = Tree::default();
    leaves.iter().for_each(|it| tree.push(*it));
    let checkpoint = Checkpoint::new(&super::origin(session), tree.size(), tree.root())?.text();
    let text = InclusionProof { index, hashes, checkpoint }.write();
    if let Some(path) = &arguments.out {
        super::write_new(path, text.as_bytes())?;
    }
    let shown = json!({ "record": number, "proof": text, "file": arguments.out });
    output::print(session.form, &shown, |_| match &arguments.out {
        Some(path) => format!("wrote the proof of record {number} to {}", path.display()),
        None => text.clone(),
    })
}

fn check(
    arguments: &Arguments,
    proof: &std::path::Path,
    line: &std::path::Path,
    session: &Session,
) -> Result<()> {
    let number = arguments.record;
    let proof = InclusionProof::parse(&super::read_small(proof)?)
        .with_context(|| format!("in {}", proof.display()))?;
    let checkpoint = match &arguments.checkpoint {
        Some(path) => super::read_checkpoint(session, path)?,
        None => super::checkpoint_of(session, &proof.checkpoint)?,
    };
    let record = super::read_small(line)?;
    let holds = proof.verify(record.trim_end_matches('\n').as_bytes(), &checkpoint);
    if let Err(why) = holds {
        bail!(Refused(format!("record {number} is not proved: {why}")));
    }
    if proof.index + 1 != number {
        bail!(Refused(format!("the proof is about record {}", proof.index + 1)));
    }
    let shown = json!({ "record": number, "checkpoint": checkpoint, "proved": true });
    output::print(session.form, &shown, |_| {
        format!("record {number} stands in the log of {} records", checkpoint.size)
    })
}
