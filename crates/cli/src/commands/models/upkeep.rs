//! The artifact store in good order: its index rebuilt, its garbage collected.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};
use freehold_artifacts::Store;
use freehold_ledger::Limit;
use freehold_vocabulary::Digest;
use serde_json::json;

use super::Command;
use crate::config::Config;
use crate::output;
use crate::wiring::{Session, artifacts_folder};

/// Repairs before a session is opened, which a store without its index does not allow. What was
/// done goes to standard error; the verification that follows is the command's answer.
pub fn repair_first(command: &Command, config: Option<&Path>) -> Result<()> {
    let Command::Verify { repair: true, .. } = command else { return Ok(()) };
    let repaired = Store::repair(&artifacts_folder(&Config::load(config)?)?)?;
    eprintln!("the index lists {} artifacts", repaired.listed);
    let told = [
        ("listed anew", &repaired.added),
        ("no longer listed, nothing readable lies there", &repaired.dropped),
        ("not listed, files are missing", &repaired.incomplete),
    ];
    for (what, digest) in told.iter().flat_map(|(what, all)| all.iter().map(move |it| (what, it))) {
        eprintln!("{what}: {}", digest.short());
    }
    if let Some(path) = &repaired.set_aside {
        eprintln!("the index that was replaced is kept as {}", path.display());
    }
    Ok(())
}

/// Removes what nothing reaches, or says what that would be.
pub fn collect(session: &Session, dry_run: bool) -> Result<()> {
    let roots = remembered(session)?;
    let garbage = match dry_run {
        true => session.store.garbage(&roots)?,
        false => session.store.collect(&roots)?,
    };
    let shown = json!({
        "removed": !dry_run, "blobs": garbage.blobs, "bytes": garbage.bytes, "kept": garbage.kept,
    });
    output::print(session.form, &shown, |_| {
        let mut text = String::new();
        for blob in &garbage.blobs {
            text += &format!("{} {:>12} bytes\n", blob.digest.short(), blob.bytes);
        }
        let what = if dry_run { "would be removed" } else { "removed" };
        let (count, bytes, kept) = (garbage.blobs.len(), garbage.bytes, garbage.kept);
        text + &format!("{count} blobs {what} ({bytes} bytes), {kept} kept\n")
    })
}

/// Every digest that the ledger knows, whatever the store's index says.
fn remembered(session: &Session) -> Result<Vec<Digest>> {
    let ledger = &session.ledger;
    let mut digests = BTreeSet::new();
    for version in session.wait(ledger.versions(None))? {
        for evaluation in session.wait(ledger.evaluations_of(&version.digest))? {
            digests.extend([evaluation.report, evaluation.dataset]);
        }
        digests.insert(version.digest);
    }
    for current in session.wait(ledger.current_aliases())? {
        let moves = session.wait(ledger.alias_history(&current.task, &current.alias))?;
        digests.extend(moves.into_iter().filter_map(|it| it.to));
    }
    for newest in session.wait(ledger.datasets())? {
        let all = session.wait(ledger.dataset_history(&newest.name))?;
        digests.extend(all.into_iter().map(|it| it.digest));
    }
    let runs = session.wait(ledger.runs(None, Limit::MAX))?;
    if runs.len() >= Limit::MAX.get() as usize {
        bail!(
            "the ledger has {} runs or more, of which only the newest can be listed; blobs are not removed while older ones may need them",
            Limit::MAX.get()
        );
    }
    digests.extend(runs.into_iter().filter_map(|it| it.record));
    Ok(digests.into_iter().collect())
}
