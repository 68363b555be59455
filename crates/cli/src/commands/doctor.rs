//! `freehold doctor`: what stands between this machine and the next step.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use freehold_artifacts::ArtifactKind;
use serde::Serialize;

use super::Refused;
use crate::config::Config;
use crate::output::{self, Form};
use crate::wiring::Session;
use crate::wiring::models::in_its_place;

/// Look at configuration, stores, data, models and tools, and say what to mend.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Also read and check every byte of the artifact store.
    #[arg(long)]
    deep: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    /// The loop works, but not all of it yet.
    Open,
    Broken,
}

pub fn run(arguments: &Arguments, path: Option<&Path>, form: Form) -> Result<()> {
    let mut findings = Vec::new();
    let mut note = |what, state, detail: String| findings.push(Finding { what, state, detail });
    match Config::load(path) {
        Ok(config) => note("configuration", State::Good, format!("{} task(s)", config.tasks.len())),
        Err(error) => note("configuration", State::Broken, format!("{error:#}")),
    }
    match Session::open(path, form, true) {
        Ok(session) => examine(&session, arguments, &mut note)?,
        Err(error) => note("stores", State::Broken, format!("{error:#}")),
    }
    let python = std::process::Command::new("python3").args(["-m", "pip", "--version"]).output();
    match python {
        Ok(output) if output.status.success() => {
            note("pip", State::Good, String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        _ => note(
            "pip",
            State::Open,
            "python3 with pip is missing; `pip:` bases cannot be fetched, `file:` and `hf:` can"
                .to_owned(),
        ),
    }
    let broken = findings.iter().filter(|it| it.state == State::Broken).count();
    output::print(form, &findings, |findings| {
        let row = |it: &Finding| {
            vec![format!("{:?}", it.state).to_lowercase(), it.what.to_owned(), it.detail.clone()]
        };
        output::table(&["state", "what", "detail"], &findings.iter().map(row).collect::<Vec<_>>())
    })?;
    if broken > 0 {
        bail!(Refused(format!("{broken} thing(s) to mend")));
    }
    Ok(())
}

fn certified(policy: &freehold_routing::TierPolicy) -> bool {
    policy.certificate.as_ref().is_some_and(|it| it.threshold().is_some())
}

fn examine(
    session: &Session,
    arguments: &Arguments,
    note: &mut impl FnMut(&'static str, State, String),
) -> Result<()> {
    let report = if arguments.deep { Some(session.store.verify_all()?) } else { None };
    let versions = session.store.list(ArtifactKind::ModelVersion)?.len();
    match report {
        Some(report) if !report.is_intact() => {
            note(
                "artifacts",
                State::Broken,
                format!(
                    "{} blob(s) at fault; `freehold models verify` lists them",
                    report.faults().count()
                ),
            );
        }
        _ => note(
            "artifacts",
            State::Good,
            format!("{versions} model version(s) in {}", session.store.root().display()),
        ),
    }
    let datasets = session.wait(session.ledger.datasets())?;
    let state = if datasets.is_empty() { State::Open } else { State::Good };
    note("data", state, format!("{} dataset(s)", datasets.len()));
    for (name, task) in &session.config.tasks {
        let mut before = Vec::new();
        for alias in task.aliases()? {
            let target =
                session.wait(session.ledger.current_alias(name, &alias))?.and_then(|it| it.to);
            let detail = match &target {
                None => format!(
                    "{name}@{alias} points at nothing; train, calibrate, then `freehold models promote`"
                ),
                Some(digest) => {
                    match session.policy(digest)?.map(|it| in_its_place(it, &mut before).0) {
                        Some(policy) if certified(&policy) => {
                            note(
                                "route",
                                State::Good,
                                format!("{name}@{alias} is {} and certified", digest.short()),
                            );
                            continue;
                        }
                        _ => format!(
                            "{name}@{alias} is {} without a certificate that holds there; `freehold calibrate` over the whole route makes one",
                            digest.short()
                        ),
                    }
                }
            };
            note("route", State::Open, detail);
        }
    }
    Ok(())
}
