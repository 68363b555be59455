//! Promotion and rollback: an alias moves, if the gate lets it.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_evaluation::gate::{GateRule, Verdict, gate};
use freehold_ledger::{AliasRequest, Expected, previous_target};
use freehold_vocabulary::{AliasName, Digest, Split, TaskName};
use serde_json::json;

use crate::commands::Refused;
use crate::config::serve::PrecisionConfig;
use crate::output;
use crate::wiring::Session;
use crate::wiring::judging::Case;
use crate::wiring::models::Found;

/// Let an alias point at a version, if its bounds clear the task's bar and it is not worse than
/// the version it replaces.
///
/// The gate judges on the test split of the data the version was trained from. A refusal exits
/// with 3 and says by how much. Whoever overrules it is named in the history.
#[derive(Debug, Args)]
pub struct Arguments {
    version: String,
    #[arg(long = "as", default_value = "champion")]
    alias: AliasName,
    #[arg(long)]
    why: String,
    #[arg(long, default_value = "local")]
    by: String,
    /// Promote although the gate refuses; the history keeps what it said.
    #[arg(long)]
    overrule: bool,
}

/// Aliases of tiers that need not clear the bar alone: what they keep is bounded by their
/// certificate, and the rest goes on.
const BAR_FREE: &str = "micro";

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let found = session.version(&arguments.version)?;
    let task = found.version.task.clone();
    let current =
        session.wait(session.ledger.current_alias(&task, &arguments.alias))?.and_then(|it| it.to);
    let verdict = judge(arguments, session, &found, current.as_ref())?;
    if !verdict.passed && !arguments.overrule {
        bail!(Refused(format!(
            "the gate refuses {} as {task}@{}: {}",
            found.digest.short(),
            arguments.alias,
            verdict.sentence()
        )));
    }
    let request = AliasRequest {
        task: task.clone(),
        alias: arguments.alias.clone(),
        to: Some(found.digest.clone()),
        expected: Expected::Target(current),
        at: session.now(),
        by: arguments.by.clone(),
        why: arguments.why.clone(),
        gate: serde_json::to_value(&verdict)?,
    };
    let moved = session.wait(session.ledger.move_alias(&request))?;
    let uncertified = session
        .policy(&found.digest)?
        .is_none_or(|policy| policy.certificate.is_none_or(|it| it.threshold().is_none()));
    output::print(
        session.form,
        &json!({ "move": moved, "verdict": verdict, "certified": !uncertified }),
        |_| {
            let mut text = format!(
                "{task}@{} is now {}\ngate: {}",
                arguments.alias,
                found.digest.short(),
                verdict.sentence()
            );
            if uncertified {
                text += "\nthis version has no certificate, so as a tier it keeps nothing; `freehold calibrate` makes one";
            }
            text
        },
    )?;
    output::next(session.form, "freehold serve");
    Ok(())
}

fn judge(
    arguments: &Arguments,
    session: &Session,
    found: &Found,
    current: Option<&Digest>,
) -> Result<Verdict> {
    let task = session.config.task(&found.version.task)?;
    let data = &found.version.lineage.dataset;
    let case = |found, name| Case {
        found,
        name,
        data,
        split: Split::Test,
        precision: PrecisionConfig::F32,
        seed: 0,
    };
    let (_, evaluation) = session.evaluation(&case(found, &arguments.version))?;
    let champion = match current {
        Some(digest) if *digest != found.digest => {
            let champion = session.version(digest.hex())?;
            let name = format!("{}@{}", found.version.task, arguments.alias);
            Some(session.evaluation(&case(&champion, &name))?.1)
        }
        _ => None,
    };
    let bar = task.bar.filter(|_| arguments.alias.as_str() != BAR_FREE);
    let rule = GateRule { margin: task.margin, ..GateRule::default() };
    Ok(gate(&evaluation, champion.as_ref(), bar, &rule)?)
}

pub fn roll_back(
    session: &Session,
    task: &TaskName,
    alias: &AliasName,
    why: &str,
    by: &str,
) -> Result<()> {
    let history = session.wait(session.ledger.alias_history(task, alias))?;
    let previous = previous_target(&history).with_context(|| {
        format!(
            "{task}@{alias} has no version before; `freehold models history {task}` shows its moves"
        )
    })?;
    // A version that cannot be read would take the alias down.
    session.version(previous.hex())?;
    let request = AliasRequest {
        task: task.clone(),
        alias: alias.clone(),
        to: Some(previous.clone()),
        expected: Expected::Target(history.last().and_then(|it| it.to.clone())),
        at: session.now(),
        by: by.to_owned(),
        why: why.to_owned(),
        gate: json!({ "rollback": true }),
    };
    let moved = session.wait(session.ledger.move_alias(&request))?;
    output::print(session.form, &moved, |_| {
        format!("{task}@{alias} is back at {}", previous.short())
    })
}
