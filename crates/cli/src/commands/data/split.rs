//! `freehold data split`: the same rows, divided anew.

use anyhow::{Context as _, Result};
use clap::Args;
use freehold_curation::{Shares, SplitPlan, TestSplit};
use freehold_vocabulary::Seed;
use serde_json::json;

use super::import::keep;
use crate::output;
use crate::wiring::Session;

/// Divide the rows of a version anew, as a new version with its parent.
///
/// Groups of duplicates stay together. The test split stays as it is, unless --divide-test is given:
/// figures on another test split cannot be compared with earlier ones.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A name or the beginning of a digest.
    dataset: String,
    /// Share of the rows outside a kept test split for choosing recipes.
    #[arg(long, default_value_t = 0.08)]
    validation: f64,
    /// Share of them for calibration and certificates.
    #[arg(long, default_value_t = 0.12)]
    calibration: f64,
    /// Share for the test, where no test split is kept.
    #[arg(long, default_value_t = 0.20)]
    test: f64,
    /// Divide the rows of the test split too.
    #[arg(long)]
    divide_test: bool,
    /// Where the split's randomness begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let parent = session.dataset_digest(&arguments.dataset)?;
    let dataset = session.dataset(&parent)?;
    let shares = Shares {
        validation: arguments.validation,
        calibration: arguments.calibration,
        test: arguments.test,
    };
    let test = if arguments.divide_test { TestSplit::Divided } else { TestSplit::Kept };
    let scratch =
        tempfile::tempdir_in(session.work_folder()).context("no room for the new version")?;
    let resplit = dataset.resplit(
        &SplitPlan { shares },
        Seed(arguments.seed),
        test,
        scratch.path(),
        &session.progress,
    )?;
    let digest = match &resplit.version {
        Some(written) => keep(session, written, std::slice::from_ref(&parent))?.0,
        None => parent.clone(),
    };
    let report = &resplit.report;
    let shown = json!({
        "digest": digest, "parent": parent, "new": resplit.version.is_some(), "rows": report.rows,
        "given": report.given, "dropped": report.dropped, "split_findings": report.findings,
    });
    let name = &dataset.manifest().name;
    output::print(session.form, &shown, |_| {
        let mut text = match resplit.version.is_some() {
            true => format!("{name} is now {} (parent {})", digest.short(), parent.short()),
            false => format!("every row lies where it lay; {name} stays {}", digest.short()),
        };
        for (split, rows) in &report.rows {
            text += &format!(", {split} {rows}");
        }
        let dropped: u64 = report.dropped.values().sum();
        if dropped > 0 {
            text += &format!("\n{dropped} rows dropped because the test split has their like");
        }
        text
    })?;
    output::next(session.form, &format!("freehold train {name} --trainer micro"));
    Ok(())
}
