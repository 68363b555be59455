//! `freehold report`: what the head of department reads.

mod cost;
mod served;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use freehold_evaluation::intervals::wilson;
use freehold_evaluation::page::summary::Promise;
use freehold_evaluation::page::{FunnelStep, LoopReport, ModelLine, loop_html};
use freehold_routing::Terms;
use freehold_vocabulary::{Confidence, Digest, Example, PromiseScope, Split, TaskName, Tier};

use crate::config::serve::PrecisionConfig;
use crate::output;
use crate::wiring::Session;
use crate::wiring::judging::{Case, gold};
use crate::wiring::routes::{Answer, Route};

/// Sum up a task: how good the models are, who answers what, how fast, at what cost.
///
/// The deployed route is run over the test split; latencies of served requests come from the
/// traces. Prices come from freehold.toml with their dates; a missing price is left out and said.
#[derive(Debug, Args)]
pub struct Arguments {
    task: TaskName,
    /// Write the self-contained page here.
    #[arg(long)]
    html: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let report = build(session, &arguments.task)?;
    if let Some(path) = &arguments.html {
        std::fs::write(path, loop_html(&report))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    output::print(session.form, &report, |report| {
        let mut text = format!("{}: {}\n\n", session.config.portfolio.name, report.task);
        for finding in &report.findings {
            text += &format!("  * {finding}\n");
        }
        text
    })
}

fn build(session: &Session, task: &TaskName) -> Result<LoopReport> {
    let route = Route::open(session, task, PrecisionConfig::F32)?;
    // All tiers are judged on the data that the last, strongest one was trained from.
    let last = route.tiers.last().context("a route has a tier")?;
    let data = last.found.version.lineage.dataset.clone();
    let dataset = session.dataset(&data)?;
    let examples = dataset.examples(Split::Test)?;
    let texts: Vec<&str> = examples.iter().map(|it| it.text.as_str()).collect();
    let answers = route.answer(&texts, session)?;
    let models = model_lines(session, &route, &data)?;
    let funnel = funnel(&route, &examples, &answers)?;
    let cost = cost::lines(session, &route, &models, &funnel, &examples)?;
    let served = served::latency(session, task)?;
    let mut report = LoopReport {
        task: task.clone(),
        dataset_name: dataset.manifest().name.to_string(),
        dataset: data,
        at: session.now(),
        findings: Vec::new(),
        bar: session.config.task(task)?.bar,
        models,
        funnel,
        costs: cost.lines,
        list_prices: cost.list_prices,
        input_tokens: cost.input_tokens,
        output_tokens: cost.output_tokens,
        stages: Vec::new(),
    };
    report.findings = findings(&report, served.as_deref(), &cost.notes);
    Ok(report)
}

fn model_lines(session: &Session, route: &Route, data: &Digest) -> Result<Vec<ModelLine>> {
    let mut lines = Vec::new();
    for tier in &route.tiers {
        let name = tier.found.digest.short().to_owned();
        let case = Case {
            found: &tier.found,
            name: &name,
            data,
            split: Split::Test,
            precision: PrecisionConfig::F32,
            seed: 0,
        };
        let (_, evaluation) = session.evaluation(&case)?;
        let artifact = session.store.get(&tier.found.digest)?;
        lines.push(ModelLine {
            name,
            tier: tier.found.version.family.tier(),
            version: Some(tier.found.digest.clone()),
            accuracy: *evaluation.metric("accuracy").context("every evaluation has an accuracy")?,
            macro_f1: evaluation.metric("macro_f1").copied(),
            ece: evaluation.metric("ece").copied(),
            size_bytes: Some(artifact.files().iter().map(|file| file.bytes).sum()),
            train_seconds: None,
            latency: evaluation.latency,
        });
    }
    Ok(lines)
}

fn funnel(route: &Route, examples: &[Example], answers: &[Answer]) -> Result<Vec<FunnelStep>> {
    let n = answers.len() as u64;
    let mut steps = Vec::new();
    let mut before = (0, 0);
    for (position, tier) in route.tiers.iter().enumerate() {
        let (mut kept, mut wrong) = (0, 0);
        for (example, answer) in examples.iter().zip(answers) {
            if answer.kept && answer.tier == position {
                kept += 1;
                let mut right = gold(&tier.found.version.labels, example)?;
                right.sort_unstable();
                wrong += u64::from(right != answer.judgement.labels);
            }
        }
        before = (before.0 + kept, before.1 + wrong);
        let share = |(kept, wrong)| (kept > 0).then(|| wilson(wrong, kept, Confidence::P95));
        let promise = |terms: Terms| Promise {
            error_at_most: terms.error_at_most.get(),
            confidence: terms.confidence.get(),
            scope: terms.promise,
            observed: share(match terms.promise {
                PromiseScope::Route => before,
                PromiseScope::Tier => (kept, wrong),
            }),
        };
        let certificate = tier.policy.certificate.as_ref().filter(|it| it.threshold().is_some());
        steps.push(FunnelStep {
            tier: tier.found.version.family.tier(),
            name: tier.found.digest.short().to_owned(),
            answered: wilson(kept, n, Confidence::P95),
            error: share((kept, wrong)),
            promise: certificate.map(|it| promise(it.terms)),
        });
    }
    let abstained = answers.iter().filter(|it| !it.kept).count() as u64;
    steps.push(FunnelStep {
        tier: Tier::Human,
        name: "review queue".to_owned(),
        answered: wilson(abstained, n, Confidence::P95),
        error: None,
        promise: None,
    });
    Ok(steps)
}

/// The sentences, the most important first.
fn findings(report: &LoopReport, served: Option<&str>, notes: &[String]) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(best) = report.models.last() {
        told.push(format!(
            "The {} model is right on {} of unseen examples.",
            best.tier,
            output::interval(&best.accuracy)
        ));
    }
    for step in report.funnel.iter().filter(|step| step.tier != Tier::Human) {
        told.push(match &step.error {
            Some(error) => format!(
                "The {} tier answers {} of all requests; {} of these answers are wrong.",
                step.tier,
                output::interval(&step.answered),
                output::interval(error)
            ),
            None => format!(
                "The {} tier answers {} of all requests.",
                step.tier,
                output::interval(&step.answered)
            ),
        });
    }
    told.extend(promises(report));
    if let Some(people) = report.funnel.last() {
        told.push(format!("{} of all requests go to people.", output::interval(&people.answered)));
    }
    told.extend(served.map(str::to_owned));
    told.extend(notes.iter().cloned());
    told
}

/// One sentence for each promise; that of a route is told once, for all its answers.
fn promises(report: &LoopReport) -> Vec<String> {
    let promised = report.funnel.iter().filter_map(|it| Some((it.tier, it.promise?)));
    let promised: Vec<(Tier, Promise)> = promised.collect();
    let last = promised.len().saturating_sub(1);
    let mut told = Vec::new();
    for (position, (tier, promise)) in promised.iter().enumerate() {
        let Some(observed) = &promise.observed else { continue };
        let answers = match promise.scope {
            PromiseScope::Tier => format!("answers of the {tier} tier"),
            PromiseScope::Route if position == last => "answers of all tiers together".to_owned(),
            PromiseScope::Route => continue,
        };
        told.push(format!(
            "Of the {answers}, {} are wrong; promised were at most {} with {:.0} % confidence.",
            output::interval(observed),
            output::percent(promise.error_at_most),
            100.0 * promise.confidence
        ));
    }
    told
}
