//! `freehold evaluate`: how good is a version, and how sure are we?

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use freehold_evaluation::Evaluation;
use freehold_evaluation::page;
use freehold_ledger::RunKind;
use freehold_vocabulary::Split;
use serde_json::json;

use crate::config::serve::PrecisionConfig;
use crate::output;
use crate::wiring::Session;
use crate::wiring::judging::Case;

/// Score a split and measure everything, each figure with n and an interval.
///
/// With --baseline the two versions are compared on the same rows: paired bootstrap and McNemar.
#[derive(Debug, Args)]
pub struct Arguments {
    /// TASK@ALIAS or the beginning of a digest.
    version: String,
    /// The dataset; by default the one that the version was trained from.
    #[arg(long)]
    data: Option<String>,
    #[arg(long, default_value = "test", value_parser = parse_split)]
    split: Split,
    /// Compare with this version.
    #[arg(long)]
    baseline: Option<String>,
    /// Hold encoder weights as int8.
    #[arg(long)]
    int8: bool,
    /// Write the self-contained page here.
    #[arg(long)]
    html: Option<PathBuf>,
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn parse_split(text: &str) -> Result<Split, String> {
    Split::parse(text)
        .ok_or_else(|| format!("`{text}` is none of train, validation, calibration, test"))
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let found = session.version(&arguments.version)?;
    let data = match &arguments.data {
        Some(reference) => session.dataset_digest(reference)?,
        None => found.version.lineage.dataset.clone(),
    };
    let precision = if arguments.int8 { PrecisionConfig::Int8 } else { PrecisionConfig::F32 };
    let case = Case {
        found: &found,
        name: &arguments.version,
        data: &data,
        split: arguments.split,
        precision,
        seed: arguments.seed,
    };
    let id = session.start(RunKind::Evaluate, &found.version.task, &found.digest)?;
    let mut evaluation = session.finish(&id, session.judge(&case))?;
    if let Some(reference) = &arguments.baseline {
        let baseline = session.version(reference)?;
        let against = Case { found: &baseline, name: reference, ..case.clone() };
        let (_, record) = session.evaluation(&against)?;
        evaluation = evaluation.compared_with(&record)?;
    }
    let report = session.keep_evaluation(&case, &evaluation)?;
    if let Some(path) = &arguments.html {
        std::fs::write(path, page::html(&evaluation, None))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let mut shown = serde_json::to_value(&evaluation)?;
    // The answers to every item are in the store; here they would drown the numbers.
    if let Some(record) = shown.as_object_mut() {
        record.remove("outputs");
    }
    output::print(session.form, &json!({ "report": report, "evaluation": shown }), |_| {
        describe(&evaluation, arguments)
    })?;
    output::next(session.form, &format!("freehold calibrate {}", arguments.version));
    Ok(())
}

fn describe(evaluation: &Evaluation, arguments: &Arguments) -> String {
    let mut text = format!(
        "{} on {} {} (n = {})\n",
        arguments.version, evaluation.subject.dataset_name, evaluation.subject.split, evaluation.n
    );
    let wanted = ["accuracy", "macro_f1", "micro_f1", "log_loss", "brier", "ece", "auroc", "fpr95"];
    for name in wanted {
        if let Some(it) = evaluation.metric(name) {
            text += &format!(
                "  {name:<9} {:.4}  ({:.4} to {:.4} at {:.0} %)\n",
                it.estimate,
                it.low,
                it.high,
                100.0 * it.level
            );
        }
    }
    if let Some(latency) = &evaluation.latency {
        let at = |percent| latency.percentile(percent).map_or(f64::NAN, |it| it.value_us / 1000.0);
        text += &format!(
            "  latency   p50 {:.2} ms, p95 {:.2} ms (one text at a time, one thread, n = {})\n",
            at(50),
            at(95),
            latency.n
        );
    }
    if let Some(comparison) = &evaluation.comparison {
        text += &format!("against {}:\n", comparison.baseline_name);
        for it in &comparison.differences {
            let d = &it.difference;
            text += &format!(
                "  {:<9} {:+.4}  ({:+.4} to {:+.4})\n",
                it.metric.as_str(),
                d.estimate,
                d.low,
                d.high
            );
        }
        text += &format!("  McNemar exact p = {:.3e}\n", comparison.mcnemar.exact_p);
    }
    if let Some(path) = &arguments.html {
        text += &format!("page: {}", path.display());
    }
    text
}
