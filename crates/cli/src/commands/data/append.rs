//! `freehold data append`: what people settled becomes the next dataset version.

use anyhow::{Context as _, Result};
use clap::Args;
use freehold_curation::Settled;
use freehold_ledger::{Limit, Sequence};
use freehold_vocabulary::TaskName;
use serde_json::json;

use super::import::keep;
use crate::output;
use crate::wiring::Session;

/// Add settled reviews and corrections to the train split, as a new version with its parent.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The task, which is also the dataset's name.
    task: TaskName,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let task = &arguments.task;
    let parent = session.dataset_digest(task.as_str())?;
    let settled = settled(session, task)?;
    let scratch =
        tempfile::tempdir_in(session.work_folder()).context("no room for the new version")?;
    let appended =
        session.dataset(&parent)?.append_settled(&settled, scratch.path(), &session.progress)?;
    let digest = match &appended.version {
        Some(written) => Some(keep(session, written, std::slice::from_ref(&parent))?.0),
        None => None,
    };
    let shown = json!({
        "settled": settled.len(), "added": appended.added, "replaced": appended.replaced,
        "refused": appended.refused, "parent": parent, "digest": digest,
    });
    output::print(session.form, &shown, |_| {
        let mut text = match &digest {
            Some(digest) => format!(
                "{} settled: {} added, {} replaced; {task} is now {} (parent {})",
                settled.len(),
                appended.added,
                appended.replaced,
                digest.short(),
                parent.short()
            ),
            None => format!(
                "{} settled, nothing to add; {task} stays {}",
                settled.len(),
                parent.short()
            ),
        };
        for refusal in &appended.refused {
            text += &format!("\n  not added: {} ({})", refusal.source, refusal.reason);
        }
        text
    })?;
    output::next(session.form, &format!("freehold train {task} --trainer encoder"));
    Ok(())
}

fn settled(session: &Session, task: &TaskName) -> Result<Vec<Settled>> {
    let mut all = Vec::new();
    let mut since = Sequence::START;
    loop {
        let page = session.wait(session.ledger.settled_reviews(task, since, Limit::MAX))?;
        let Some(last) = page.last().and_then(|item| item.settlement()) else { break };
        since = last.sequence;
        for item in page {
            if let Some(judgement) = item.settlement() {
                let labels = judgement.labels.clone();
                all.push(Settled {
                    source: format!("trace:{}", item.trace),
                    text: item.text.clone(),
                    labels,
                });
            }
        }
    }
    Ok(all)
}
