//! `freehold calibrate`: confidence that means something, and a certificate for each tier.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_artifacts::{ArtifactKind, NewFile};
use freehold_evaluation::intervals::wilson;
use freehold_ledger::RunKind;
use freehold_routing::certificate::Terms;
use freehold_routing::{
    CascadeRequest, FittedCascade, Observation, TierInput, TierPolicy, fit_cascade,
};
use freehold_vocabulary::ports::Progress as _;
use freehold_vocabulary::{
    Confidence, Digest, Interval, Probability, PromiseScope, Seed, Split, Tier,
};
use serde_json::json;

use crate::config::serve::PrecisionConfig;
use crate::output;
use crate::wiring::Session;
use crate::wiring::judging::{Case, gold};
use crate::wiring::models::{Found, candidate_alias, same_task};
use crate::wiring::scoring;

/// Calibrate the tiers of a cascade, cheapest first, and certify what each may keep.
///
/// A certificate says: among the answers that this tier and the tiers before it keep (with
/// --promise tier: that this tier keeps), the share of errors is at most --error-at-most, with
/// --confidence. It is proven on the calibration split only; the test split
/// is used at the end to show what came of it. Too little data keeps nothing, and says so. Each
/// version becomes a new one with its calibration, and the candidate alias moves to it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The versions of the tiers, cheapest first.
    #[arg(required = true)]
    versions: Vec<String>,
    /// The dataset; by default the one that the last version was trained from.
    #[arg(long)]
    data: Option<String>,
    /// α; by default the task's.
    #[arg(long, value_parser = parse_probability)]
    error_at_most: Option<Probability>,
    /// 1−δ; by default the task's.
    #[arg(long, value_parser = parse_confidence)]
    confidence: Option<Confidence>,
    /// Which answers a tier's promise counts, `route` or `tier`; by default the task's.
    #[arg(long)]
    promise: Option<PromiseScope>,
    /// Share of familiar texts that may be taken for strange ones.
    #[arg(long, default_value = "0.01", value_parser = parse_probability)]
    false_alarms: Probability,
    /// Share of prediction sets that may miss the right label.
    #[arg(long, default_value = "0.05", value_parser = parse_probability)]
    set_misses: Probability,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn parse_probability(text: &str) -> Result<Probability, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    Probability::new(number).map_err(|error| error.to_string())
}

fn parse_confidence(text: &str) -> Result<Confidence, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    Confidence::new(number).map_err(|error| error.to_string())
}

/// One tier with everything it said.
struct Said {
    found: Found,
    train: Vec<Observation>,
    calibration: Vec<Observation>,
    strangers: Vec<Observation>,
    test: Vec<Observation>,
}

/// What came of a tier on rows that nothing was fitted on.
#[derive(serde::Serialize)]
struct Shown {
    tier: Tier,
    kept: Interval,
    error: Option<Interval>,
    /// Of all answers up to this tier.
    kept_so_far: Interval,
    error_so_far: Option<Interval>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let mut tiers = Vec::new();
    for reference in &arguments.versions {
        tiers.push(session.version(reference)?);
    }
    let last = tiers.last().context("at least one version is required")?;
    let task = last.version.task.clone();
    let data = match &arguments.data {
        Some(reference) => session.dataset_digest(reference)?,
        None => last.version.lineage.dataset.clone(),
    };
    for tier in &tiers {
        same_task(tier, &task)?;
        if tier.version.labels != last.version.labels {
            bail!(
                "{} and {} know different labels; train both on the same dataset",
                tier.digest.short(),
                last.digest.short()
            );
        }
    }
    let id = session.start(RunKind::Calibrate, &task, &data)?;
    session.finish(&id, calibrate(arguments, session, tiers, &data))
}

fn calibrate(
    arguments: &Arguments,
    session: &Session,
    tiers: Vec<Found>,
    data: &Digest,
) -> Result<()> {
    let dataset = session.dataset(data)?;
    if dataset.rows(Split::Calibration) == 0 {
        bail!(
            "{} has no calibration split; import it again with --calibration above 0",
            data.short()
        );
    }
    let said: Vec<Said> =
        tiers.into_iter().map(|found| listen(session, found, &dataset)).collect::<Result<_>>()?;
    let config = session.config.task(&said[0].found.version.task)?;
    let terms = Terms {
        error_at_most: arguments.error_at_most.unwrap_or(config.route.error_at_most),
        confidence: arguments.confidence.unwrap_or(config.route.confidence),
        promise: arguments.promise.unwrap_or(config.route.promise),
    };
    let inputs: Vec<TierInput<'_>> = said
        .iter()
        .map(|it| TierInput {
            tier: it.found.version.family.tier(),
            model: &it.found.digest,
            train: &it.train,
            calibration: &it.calibration,
            strangers: &it.strangers,
        })
        .collect();
    let request = CascadeRequest {
        task: said[0].found.version.task.clone(),
        mode: said[0].found.version.mode,
        labels: said[0].found.version.labels.len(),
        dataset: data.clone(),
        terms,
        false_alarm_rate: arguments.false_alarms,
        set_miss_at_most: arguments.set_misses,
        seed: Seed(arguments.seed),
        at: session.now(),
        tiers: &inputs,
    };
    session.progress.begin("calibrating", None);
    let fitted = fit_cascade(&request)?;
    session.progress.end();
    let test = on_test(&said, &fitted.policies);
    let mut versions = Vec::new();
    for (said, policy) in said.iter().zip(&fitted.policies) {
        versions.push(register(arguments, session, said, policy)?);
    }
    let shown = json!({ "versions": versions, "report": fitted.report, "test": test });
    output::print(session.form, &shown, |_| describe(&fitted, &test, &said, &versions))?;
    output::next(
        session.form,
        &format!(
            "freehold models promote {}@{} --why REASON",
            request.task,
            candidate_alias(said[said.len() - 1].found.version.family)
        ),
    );
    Ok(())
}

/// Runs a version over every split that is needed.
fn listen(session: &Session, found: Found, dataset: &freehold_curation::Dataset) -> Result<Said> {
    let classifier = session.classifier(&found, PrecisionConfig::F32)?;
    let labels = &found.version.labels;
    let tier = found.version.family.tier();
    let observe = |split: Split| -> Result<Vec<Observation>> {
        let examples = dataset.examples(split)?;
        let scored = scoring::score_examples(
            &*classifier,
            &examples,
            &session.progress,
            &format!("{tier} on {split}"),
        )?;
        let pair = |(example, scored)| Ok(Observation { gold: gold(labels, example)?, scored });
        examples.iter().zip(scored).map(pair).collect()
    };
    let (train, validation) = (observe(Split::Train)?, observe(Split::Validation)?);
    let (calibration, test) = (observe(Split::Calibration)?, observe(Split::Test)?);
    let mode = found.version.mode;
    // Strange rows of these splits help to choose the detector; they prove nothing.
    let strangers =
        train.iter().chain(&validation).filter(|it| it.is_out_of_scope(mode)).cloned().collect();
    let train = train.into_iter().filter(|it| !it.is_out_of_scope(mode)).collect();
    Ok(Said { found, train, calibration, strangers, test })
}

fn on_test(said: &[Said], policies: &[TierPolicy]) -> Vec<Shown> {
    let n = said[0].test.len();
    let mut open: Vec<usize> = (0..n).collect();
    let mut shown = Vec::new();
    let (mut all_kept, mut all_wrong) = (0, 0);
    let share = |kept, wrong| (kept > 0).then(|| wilson(wrong, kept, Confidence::P95));
    for (said, policy) in said.iter().zip(policies) {
        let (mut passed, mut wrong, mut kept) = (Vec::new(), 0, 0);
        for index in open {
            let observation = &said.test[index];
            let judgement = policy.judge(&observation.scored);
            if judgement.verdict == freehold_routing::Verdict::Keep {
                kept += 1;
                wrong += u64::from(!observation.is_answered_by(&judgement.labels));
            } else {
                passed.push(index);
            }
        }
        all_kept += kept;
        all_wrong += wrong;
        shown.push(Shown {
            tier: said.found.version.family.tier(),
            kept: wilson(kept, n as u64, Confidence::P95),
            error: share(kept, wrong),
            kept_so_far: wilson(all_kept, n as u64, Confidence::P95),
            error_so_far: share(all_kept, all_wrong),
        });
        open = passed;
    }
    shown
}

/// Stores the version with its calibration, as a child of the one it was made from.
fn register(
    arguments: &Arguments,
    session: &Session,
    said: &Said,
    policy: &TierPolicy,
) -> Result<Digest> {
    let found = &said.found;
    let case = Case {
        found,
        name: found.digest.short(),
        data: &found.version.lineage.dataset,
        split: Split::Test,
        precision: PrecisionConfig::F32,
        seed: arguments.seed,
    };
    let (evaluation, _) = session.evaluation(&case)?;
    let mut version = found.version.clone();
    version.created_at = session.now();
    version.lineage.parent = Some(found.digest.clone());
    version.lineage.evaluation = Some(evaluation);
    let parent = session.artifact(&found.digest, ArtifactKind::ModelVersion)?;
    let mut files = Vec::new();
    for (name, bytes) in policy.to_files() {
        files.push(NewFile::bytes(&name, bytes)?);
    }
    for file in parent.files() {
        let name = file.name.as_str();
        let replaced = files.iter().any(|it| it.name == file.name)
            || name == freehold_artifacts::model_pack::VERSION_FILE;
        if !replaced {
            files.push(NewFile::path(name, parent.path(name)?)?);
        }
    }
    let alias = candidate_alias(version.family);
    session.register(&version, &files, &alias, &format!("calibrated from {}", found.digest.short()))
}

fn describe(fitted: &FittedCascade, test: &[Shown], said: &[Said], versions: &[Digest]) -> String {
    let report = &fitted.report;
    let mut text = format!(
        "calibration: {} rows to plan, {} to prove\n",
        report.planning_examples, report.proof_examples
    );
    for (((tier, shown), said), version) in report.tiers.iter().zip(test).zip(said).zip(versions) {
        text += &format!(
            "\n{} tier, {} (from {})\n  {}\n",
            tier.tier,
            version.short(),
            said.found.digest.short(),
            tier.statement
        );
        if let Some(ood) = &tier.ood {
            text += &format!(
                "  strange texts: {} detector, {} strangers to choose by\n",
                ood.detector, ood.strangers
            );
        }
        text += &format!("  on the test split it keeps {}", output::interval(&shown.kept));
        if let Some(error) = &shown.error {
            text += &format!(", of which wrong {}", output::interval(error));
        }
        text += "\n";
    }
    if let (Some(last), true) = (test.last(), test.len() > 1) {
        text += &format!("\nall tiers together keep {}", output::interval(&last.kept_so_far));
        if let Some(error) = &last.error_so_far {
            text += &format!(" of the test split, of which wrong {}", output::interval(error));
        }
        text += "\n";
    }
    text
}
